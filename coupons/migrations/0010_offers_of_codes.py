import django.db.models.deletion
from django.db import migrations, models

FILL = """
UPDATE promotions_codebatch b SET offer = l.coupon_id FROM coupons_couponbatch l WHERE l.batch_id = b.id;
UPDATE promotions_code c SET offer = l.coupon_id FROM coupons_couponbatch l WHERE l.batch_id = c.batch_id;
UPDATE promotions_code c SET offer = d.id FROM coupons_coupondefinition d WHERE d.code = c.text;
SET CONSTRAINTS ALL IMMEDIATE;
"""
RESTORE = """
INSERT INTO coupons_couponbatch (batch_id, coupon_id) SELECT id, offer FROM promotions_codebatch WHERE kind = 'coupon';
UPDATE promotions_code SET offer = NULL WHERE kind = 'coupon';
UPDATE promotions_codebatch SET offer = NULL WHERE kind = 'coupon';
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    """Set the offers of coupons' codes and batches, which replace the links from batches to coupons."""

    dependencies = [("coupons", "0009_redemption_statuses"), ("redemptions", "0003_codes")]

    operations = [
        migrations.RunSQL(FILL, RESTORE),
        migrations.DeleteModel(name="CouponBatch"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="coupondefinition",
                    name="code",
                    field=models.OneToOneField(
                        blank=True,
                        db_column="code",
                        help_text="Generic code",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="redemptions.code",
                        verbose_name="code",
                    ),
                ),
                migrations.AlterField(
                    model_name="coupondefinitionevent",
                    name="code",
                    field=models.ForeignKey(
                        blank=True,
                        db_column="code",
                        db_constraint=False,
                        help_text="Generic code",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="redemptions.code",
                        verbose_name="code",
                    ),
                ),
            ]
        ),
    ]
