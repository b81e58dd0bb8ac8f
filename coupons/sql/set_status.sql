-- Set the status of a redemption, with its event if it has no order.
-- Upholds coupons_redemption_state.
WITH changed AS (
    UPDATE coupons_couponredemption
    SET status = %(status)s, changed_at = %(at)s, redeemed_at = coalesce(%(redeemed_at)s::timestamptz, redeemed_at),
        ended_at = coalesce(%(ended_at)s::timestamptz, ended_at)
    WHERE id = %(id)s
    RETURNING *
)
INSERT INTO redemptions_event
    (type, created_at, brand_id, kind, offer_id, code, customer_id, redemption_id, amount, currency, data)
SELECT %(type)s, %(at)s, d.brand_id, 'coupon', d.id, r.code, r.customer_id, r.id, r.amount, coalesce(r.currency, ''),
    jsonb_strip_nulls(jsonb_build_object(
        'confirmed_at', CASE WHEN r.ended_at IS NOT NULL THEN r.redeemed_at END,
        'effective_at', CASE WHEN r.status = 'expired' THEN r.ended_at END
    ))
FROM changed r JOIN coupons_coupondefinition d ON d.id = r.coupon_id
WHERE r.redemption_id IS NULL
