"""Sums of redemptions by quarters of an hour, and the triggers that note which of them are to be made anew."""

import django.db.models.deletion
from django.db import migrations, models

BUCKETS = """
ALTER TABLE coupons_redemptionbucket ADD CONSTRAINT coupons_bucket_is_a_quarter
    CHECK (starts_at = date_bin('15 minutes', starts_at, 'epoch'));
ALTER TABLE coupons_redemptionbucket SET (fillfactor = 80);
ALTER TABLE coupons_touchedbucket SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
"""

# the moment that a redemption counts at; empty, and not in the index, while it is reserved
MOMENT = """
CREATE INDEX coupons_redemption_moment ON coupons_couponredemption (coupon_id, coalesce(redeemed_at, ended_at))
    WHERE coalesce(redeemed_at, ended_at) IS NOT NULL;
"""

NOTE = """
CREATE FUNCTION coupons_note_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO coupons_touchedbucket (coupon_id, starts_at)
    SELECT DISTINCT coupon_id, date_bin('15 minutes', coalesce(redeemed_at, ended_at), 'epoch') FROM {rows}
    WHERE coalesce(redeemed_at, ended_at) IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER coupons_note_{event} AFTER {event} ON coupons_couponredemption
    REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION coupons_note_{event}();
"""
EITHER = "(SELECT * FROM was UNION ALL SELECT * FROM becomes) AS either"
NOTES = "".join(
    NOTE.format(event=event, rows=rows, tables=tables)
    for event, rows, tables in (
        ("insert", "becomes", "NEW TABLE AS becomes"),
        ("update", EITHER, "OLD TABLE AS was NEW TABLE AS becomes"),
        ("delete", "was", "OLD TABLE AS was"),
    )
)
NO_NOTES = "".join(
    f"DROP TRIGGER coupons_note_{event} ON coupons_couponredemption; DROP FUNCTION coupons_note_{event}();"
    for event in ("insert", "update", "delete")
)


class Migration(migrations.Migration):
    dependencies = [("coupons", "0002_redemptions")]

    operations = [
        migrations.CreateModel(
            name="TouchedBucket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("coupon_id", models.UUIDField()),
                ("starts_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="RedemptionBucket",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "coupon_id",
                        "starts_at",
                        "currency",
                        "archived",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("currency", models.CharField(blank=True, default="", max_length=3)),
                ("archived", models.BooleanField(default=False)),
                ("redemptions", models.BigIntegerField()),
                ("released", models.BigIntegerField()),
                ("refunded", models.BigIntegerField()),
                ("discount_total", models.BigIntegerField()),
                (
                    "coupon",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="coupons.coupondefinition",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("discount_total__gte", 0),
                            ("redemptions__gte", 0),
                            ("refunded__gte", 0),
                            ("refunded__lte", models.F("redemptions")),
                            ("released__gte", models.F("refunded")),
                        ),
                        name="coupons_bucket_sums",
                    )
                ],
            },
        ),
        migrations.RunSQL(BUCKETS, migrations.RunSQL.noop),
        migrations.RunSQL(MOMENT, "DROP INDEX coupons_redemption_moment"),
        migrations.RunSQL(NOTES, NO_NOTES),
    ]
