"""The offers of items by their ID among the offers of all kinds."""

from django.db import migrations, models

FILL = """
UPDATE checkout_redemptionitem i SET offer_id = coalesce(
    (SELECT c.offer_id FROM discounts_discountcode c WHERE i.kind = 'discount_code' AND c.id = i.key::bigint),
    (SELECT v.campaign_id FROM vouchers_voucher v WHERE i.kind = 'voucher' AND v.id = i.key::uuid),
    CASE WHEN i.kind IN ('promotion', 'coupon') THEN i.key::uuid END
);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("checkout", "0008_redemption_statuses"),
        ("discounts", "0007_offer_id"),
        ("redemptions", "0001_events"),
        ("vouchers", "0006_alter_labels"),
    ]

    operations = [
        migrations.AddField(
            model_name="redemptionitem",
            name="offer_id",
            field=models.UUIDField(help_text="The ID of the offer among the offers of all kinds.", null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
