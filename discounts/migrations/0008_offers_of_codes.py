import django.db.models.deletion
from django.db import migrations, models

FILL = """
UPDATE promotions_code c SET offer = d.offer_id FROM discounts_discountcode d WHERE d.code = c.text;
SET CONSTRAINTS ALL IMMEDIATE;
"""
RESTORE = """
UPDATE promotions_code SET offer = NULL WHERE kind = 'discount_code';
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    """Set the offers of the codes of discount codes."""

    dependencies = [("discounts", "0007_offer_id"), ("redemptions", "0003_codes")]

    operations = [
        migrations.RunSQL(FILL, RESTORE),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="discountcode",
                    name="code",
                    field=models.OneToOneField(
                        db_column="code",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="redemptions.code",
                        verbose_name="code",
                    ),
                ),
                migrations.AlterField(
                    model_name="discountcodeevent",
                    name="code",
                    field=models.ForeignKey(
                        db_column="code",
                        db_constraint=False,
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
