-- Subtract ended redemptions from the counts of their customers, locked in order.
-- Upholds coupons_user_within_cap.
WITH released AS (
    SELECT customer_id, count(*) AS n FROM unnest(%(customers)s::bigint[]) AS w (customer_id) GROUP BY customer_id
), locked AS MATERIALIZED (
    SELECT u.customer_id, released.n FROM coupons_usercouponredemption u JOIN released USING (customer_id)
    WHERE u.coupon_id = %(coupon)s ORDER BY u.customer_id FOR UPDATE OF u
)
UPDATE coupons_usercouponredemption u SET redemption_count = u.redemption_count - locked.n
FROM locked
WHERE u.coupon_id = %(coupon)s AND u.customer_id = locked.customer_id
