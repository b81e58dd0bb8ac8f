-- Confirm, release or expire a redemption, with an event for each of its items.
-- Upholds checkout_redemption_status and redemptions_event_pkey.
WITH changed AS (
    UPDATE checkout_redemption
    SET status = %(status)s, confirmed_at = coalesce(%(confirmed_at)s::timestamptz, confirmed_at),
        confirmed_by = coalesce(%(confirmed_by)s, confirmed_by), closed_at = %(closed_at)s::timestamptz,
        updated_at = coalesce(%(confirmed_at)s::timestamptz, %(closed_at)s::timestamptz)
    WHERE id = %(redemption)s
    RETURNING id, customer_id, "order", currency, expires_at
)
INSERT INTO redemptions_event (
    type, created_at, brand_id, kind, offer_id, code, customer_id, "order", redemption_id, amount, subtotal, currency, data
)
SELECT %(type)s, coalesce(%(confirmed_at)s::timestamptz, %(closed_at)s::timestamptz), i.brand_id, i.kind, i.offer_id, i.code,
    r.customer_id, r."order", r.id, i.amount, (
        SELECT p.subtotal FROM checkout_redemptionpart p WHERE p.redemption_id = r.id AND p.brand_id = i.brand_id
    ), r.currency,
    CASE WHEN %(status)s = 'expired' THEN jsonb_build_object('effective_at', r.expires_at) ELSE '{}' END
FROM changed r JOIN checkout_redemptionitem i ON i.redemption_id = r.id
ORDER BY i.position
