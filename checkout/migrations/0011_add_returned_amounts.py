"""What refunds returned, in units and amounts, and of each item; a part that comes back changes the purchase totals."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

PAID = "'confirmed', 'partially_returned'"
TRIGGER = """
CREATE OR REPLACE TRIGGER checkout_note_update AFTER UPDATE ON checkout_redemption
    FOR EACH ROW WHEN (
        (OLD.status IN ({paid}) OR NEW.status IN ({paid}))
        AND (OLD.status IN ({paid}), OLD.brand_id, OLD.customer_id, OLD.total{more_old}, OLD.currency, OLD.confirmed_at)
            IS DISTINCT FROM
            (NEW.status IN ({paid}), NEW.brand_id, NEW.customer_id, NEW.total{more_new}, NEW.currency, NEW.confirmed_at)
    ) EXECUTE FUNCTION checkout_note_purchase();
"""
NET = TRIGGER.format(paid=PAID, more_old=" - OLD.returned_total", more_new=" - NEW.returned_total")
GROSS = TRIGGER.format(paid=PAID, more_old="", more_new="")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_alter_labels"),
        ("checkout", "0010_promotion_redemptions"),
    ]

    operations = [
        migrations.AddField(
            model_name="redemption",
            name="returned_total",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="What was refunded of the total, in minor units."
            ),
        ),
        migrations.RunSQL(NET, GROSS),
        migrations.AddField(
            model_name="redemptionitem",
            name="returned_amount",
            field=models.BigIntegerField(db_default=0, default=0, help_text="What refunds returned of it."),
        ),
        migrations.AddField(
            model_name="refundedline",
            name="amount",
            field=models.BigIntegerField(help_text="Returned part of the subtotal.", null=True),
        ),
        migrations.AddField(
            model_name="refundedline",
            name="line_amount",
            field=models.BigIntegerField(help_text="Subtotal of the line.", null=True),
        ),
        migrations.AddField(
            model_name="refundedline",
            name="line_quantity",
            field=models.PositiveIntegerField(help_text="Units of the line.", null=True),
        ),
        migrations.AddField(
            model_name="refundedline",
            name="quantity",
            field=models.PositiveIntegerField(help_text="Returned units.", null=True),
        ),
        migrations.AlterField(
            model_name="refundedline",
            name="discount",
            field=models.BigIntegerField(help_text="The returned discount, in minor units."),
        ),
        migrations.AlterField(
            model_name="refundedline",
            name="line",
            field=models.CharField(
                blank=True, help_text="Line's ID in the cart. Blank for the shipping.", max_length=64
            ),
        ),
        AddConstraintNotValid(
            model_name="redemptionitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("returned_amount__gte", 0), ("returned_amount__lte", models.F("amount"))),
                name="checkout_item_returned_within_amount",
            ),
        ),
        AddConstraintNotValid(
            model_name="refundedline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount__lte", models.F("line_amount")), ("quantity__lte", models.F("line_quantity"))
                ),
                name="checkout_refund_within_line",
            ),
        ),
    ]
