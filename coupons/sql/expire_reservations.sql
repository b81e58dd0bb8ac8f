-- Expire reservations of a coupon whose time is over, oldest first. Skips those that other transactions have locked.
-- Upholds coupons_redemption_state.
WITH due AS MATERIALIZED (
    SELECT id FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status = 'reserved' AND reserved_until <= %(at)s
    ORDER BY reserved_until
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE coupons_couponredemption r SET status = 'expired', ended_at = %(at)s, changed_at = %(at)s
FROM due
WHERE r.id = due.id
RETURNING r.id, r.customer_id, r.unit, r.code
