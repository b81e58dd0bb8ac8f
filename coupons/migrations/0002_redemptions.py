"""The table of redemptions, partitioned by month of the id, and room in the pages of rows that change often."""

import uuid
from datetime import UTC, datetime, timedelta

import django.db.models.deletion
from django.db import migrations, models

CREATE = """
CREATE TABLE coupons_couponredemption (
    id uuid NOT NULL,
    coupon_id uuid NOT NULL,
    customer_id bigint NOT NULL,
    reserved_until timestamptz,
    redeemed_at timestamptz,
    ended_at timestamptz,
    changed_at timestamptz NOT NULL,
    redemption_id uuid,
    amount bigint,
    unit integer,
    status varchar(9) NOT NULL,
    currency varchar(3),
    code varchar(64) NOT NULL DEFAULT '',
    CONSTRAINT coupons_couponredemption_pkey PRIMARY KEY (id),
    CONSTRAINT coupons_redemption_amount CHECK (amount >= 0),
    CONSTRAINT coupons_redemption_state CHECK (
        CASE status
            WHEN 'reserved' THEN reserved_until IS NOT NULL AND redeemed_at IS NULL AND ended_at IS NULL
            WHEN 'confirmed' THEN redeemed_at IS NOT NULL AND ended_at IS NULL
            WHEN 'refunded' THEN redeemed_at IS NOT NULL AND ended_at IS NOT NULL
            WHEN 'released' THEN redeemed_at IS NULL AND ended_at IS NOT NULL
            WHEN 'expired' THEN redeemed_at IS NULL AND ended_at IS NOT NULL
            ELSE false
        END
    )
) PARTITION BY RANGE (id);
CREATE INDEX coupons_redemption_of_coupon ON coupons_couponredemption (coupon_id, id);
CREATE INDEX coupons_redemption_of_customer ON coupons_couponredemption (customer_id, id);
CREATE INDEX coupons_redemption_due ON coupons_couponredemption (reserved_until, coupon_id) WHERE status = 'reserved';
CREATE INDEX coupons_redemption_redeemed ON coupons_couponredemption USING brin (redeemed_at);
CREATE INDEX coupons_redemption_changed ON coupons_couponredemption USING brin (changed_at);
CREATE TABLE coupons_couponredemption_rest PARTITION OF coupons_couponredemption DEFAULT;
"""

ROOMY = """
ALTER TABLE coupons_couponcounter SET (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE coupons_usercouponredemption SET (fillfactor = 80);
ALTER TABLE coupons_couponunit SET (fillfactor = 80);
"""

STATE = migrations.CreateModel(
    name="CouponRedemption",
    fields=[
        ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
        ("code", models.CharField(blank=True, default="", max_length=64)),
        (
            "status",
            models.CharField(
                choices=[
                    ("reserved", "Reserved"),
                    ("confirmed", "Confirmed"),
                    ("released", "Released"),
                    ("expired", "Expired"),
                    ("refunded", "Refunded"),
                ],
                max_length=9,
            ),
        ),
        ("reserved_until", models.DateTimeField(null=True)),
        ("redeemed_at", models.DateTimeField(null=True)),
        ("ended_at", models.DateTimeField(null=True)),
        ("changed_at", models.DateTimeField()),
        ("redemption_id", models.UUIDField(null=True)),
        ("amount", models.BigIntegerField(null=True)),
        ("currency", models.CharField(max_length=3, null=True)),
        ("unit", models.IntegerField(null=True)),
        (
            "coupon",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="redemptions",
                to="coupons.coupondefinition",
            ),
        ),
        (
            "customer",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="accounts.customer",
            ),
        ),
    ],
    options={
        "verbose_name": "redemption of a coupon",
        "verbose_name_plural": "redemptions of coupons",
        "db_table": "coupons_couponredemption",
    },
)


def first_months(apps, schema_editor):
    """This month and the two after it; the daily sweep goes on from there."""
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(3):
        after = (first + timedelta(days=31)).replace(day=1)
        low, high = (uuid.UUID(int=int(day.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62) for day in (first, after))
        schema_editor.execute(
            f"CREATE TABLE coupons_couponredemption_{first:%Y_%m} PARTITION OF coupons_couponredemption"
            f" FOR VALUES FROM ('{low}') TO ('{high}')"
        )
        first = after


class Migration(migrations.Migration):
    dependencies = [("coupons", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE, "DROP TABLE coupons_couponredemption", state_operations=[STATE]),
        migrations.RunSQL(ROOMY, migrations.RunSQL.noop),
        migrations.RunPython(first_months, migrations.RunPython.noop),
    ]
