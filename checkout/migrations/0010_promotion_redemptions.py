from django.db import migrations

INSERT = """
INSERT INTO promotions_promotionuse
    (promotion_id, redemption_id, customer_id, code, amount, counters, taken_at, held_until)
SELECT p.id, r.id, r.customer_id, '', i.amount, '[]', r.created_at, CASE WHEN r.status = 'reserved' THEN r.expires_at END
FROM checkout_redemptionitem i
JOIN checkout_redemption r ON r.id = i.redemption_id
JOIN promotions_promotion p ON p.id = i.offer_id
WHERE i.kind = 'promotion' AND r.status IN ('reserved', 'confirmed', 'partially_returned')
ON CONFLICT (promotion_id, redemption_id) DO NOTHING
"""


class Migration(migrations.Migration):
    """Insert the missing redemptions of promotions without limits, so that limits that are set later count them."""

    dependencies = [("checkout", "0009_offer_id"), ("promotions", "0009_limits")]

    operations = [migrations.RunSQL(INSERT, migrations.RunSQL.noop)]
