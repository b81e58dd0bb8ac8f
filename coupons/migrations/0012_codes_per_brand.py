import django.db.models.deletion
from django.db import migrations, models

DROP = """
ALTER TABLE coupons_coupondefinition DROP CONSTRAINT coupons_coupondefinition_code_key;
DROP INDEX coupons_coupondefinition_code_905d8368_like;
DROP INDEX coupons_coupondefinitionevent_code_724cb22c;
DROP INDEX coupons_coupondefinitionevent_code_724cb22c_like;
"""
RESTORE = """
ALTER TABLE coupons_coupondefinition ADD CONSTRAINT coupons_coupondefinition_code_key UNIQUE (code);
CREATE INDEX coupons_coupondefinition_code_905d8368_like ON coupons_coupondefinition (code varchar_pattern_ops);
CREATE INDEX coupons_coupondefinitionevent_code_724cb22c ON coupons_coupondefinitionevent (code);
CREATE INDEX coupons_coupondefinitionevent_code_724cb22c_like ON coupons_coupondefinitionevent (code varchar_pattern_ops);
"""
ADD_COUPON = """
ALTER TABLE coupons_spentcode ADD COLUMN coupon_id uuid;
UPDATE coupons_spentcode s SET coupon_id = r.coupon_id FROM coupons_couponredemption r WHERE r.id = s.redemption_id;
DELETE FROM coupons_spentcode WHERE coupon_id IS NULL;
DROP INDEX coupons_spentcode_code_a12947b8_like;
ALTER TABLE coupons_spentcode
    ALTER COLUMN coupon_id SET NOT NULL,
    DROP CONSTRAINT coupons_spentcode_pkey,
    ADD CONSTRAINT coupons_spentcode_pkey PRIMARY KEY (coupon_id, code);
"""
REMOVE_COUPON = """
ALTER TABLE coupons_spentcode
    DROP CONSTRAINT coupons_spentcode_pkey,
    ADD CONSTRAINT coupons_spentcode_pkey PRIMARY KEY (code),
    DROP COLUMN coupon_id;
CREATE INDEX coupons_spentcode_code_a12947b8_like ON coupons_spentcode (code varchar_pattern_ops);
"""


class Migration(migrations.Migration):
    """Tell used codes apart by coupon: other brands, and archived codes, can have the same text."""

    dependencies = [("coupons", "0011_offer_lifecycle"), ("redemptions", "0005_codes_per_brand")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(DROP, RESTORE), migrations.RunSQL(ADD_COUPON, REMOVE_COUPON)],
            state_operations=[
                *(
                    migrations.AlterField(
                        model_name=name,
                        name="code",
                        field=models.CharField(
                            blank=True,
                            db_collation="C",
                            help_text="Generic code",
                            max_length=64,
                            null=True,
                            verbose_name="code",
                        ),
                    )
                    for name in ("coupondefinition", "coupondefinitionevent")
                ),
                migrations.AlterField(
                    model_name="redeemedcode", name="code", field=models.CharField(db_collation="C", max_length=64)
                ),
                migrations.AddField(
                    model_name="redeemedcode",
                    name="coupon",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        default=None,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="coupons.coupondefinition",
                    ),
                    preserve_default=False,
                ),
                migrations.AddField(
                    model_name="redeemedcode",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "coupon_id", "code", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="coupondefinition",
            index=models.Index(
                condition=models.Q(("code__isnull", False)), fields=["brand", "code"], name="coupons_by_code"
            ),
        ),
    ]
