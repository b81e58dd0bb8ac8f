-- Expire reservations of a coupon whose time is over, oldest first, with the events of those without an order. Skips those that other transactions have locked.
-- Upholds coupons_redemption_state.
WITH due AS MATERIALIZED (
    SELECT id FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status = 'reserved' AND reserved_until <= %(at)s
    ORDER BY reserved_until
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), expired AS (
    UPDATE coupons_couponredemption r SET status = 'expired', ended_at = r.reserved_until, changed_at = %(at)s
    FROM due
    WHERE r.id = due.id
    RETURNING r.id, r.customer_id, r.unit, r.code, r.redemption_id, r.reserved_until, r.amount, r.currency
), event AS (
    INSERT INTO redemptions_event
        (type, created_at, brand_id, kind, offer_id, code, customer_id, redemption_id, amount, currency, data)
    SELECT 'redemption.expired', %(at)s, d.brand_id, 'coupon', d.id, r.code, r.customer_id, r.id, r.amount, coalesce(r.currency, ''),
        jsonb_build_object('effective_at', r.reserved_until)
    FROM expired r JOIN coupons_coupondefinition d ON d.id = %(coupon)s
    WHERE r.redemption_id IS NULL
)
SELECT id, customer_id, unit, code, redemption_id FROM expired
