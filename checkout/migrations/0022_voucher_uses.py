from django.db import migrations

INSERT = """
INSERT INTO promotions_promotionuse
    (kind, promotion_id, redemption_id, customer_id, code, amount, returned_amount, currency, counters, taken_at, held_until)
SELECT 'voucher', i.offer_id, r.id, r.customer_id, '', i.amount, i.returned_amount, r.currency, '[]', r.created_at,
    CASE WHEN r.status = 'reserved' THEN r.expires_at END
FROM checkout_redemptionitem i
JOIN checkout_redemption r ON r.id = i.redemption_id
WHERE i.kind = 'voucher' AND i.offer_id IS NOT NULL AND r.status IN ('reserved', 'confirmed', 'partially_returned')
ON CONFLICT (promotion_id, redemption_id) DO NOTHING
"""


class Migration(migrations.Migration):
    """Insert the uses of redeemed vouchers, so that budgets and limits that are set later count them."""

    dependencies = [("checkout", "0021_add_parts"), ("redemptions", "0011_offer_uses")]

    operations = [migrations.RunSQL(INSERT, migrations.RunSQL.noop)]
