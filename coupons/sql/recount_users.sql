-- Customers whose count of a coupon is not what stands of theirs.
-- Upholds coupons_user_within_cap, by finding where a count lost its meaning.
WITH counted AS (
    SELECT customer_id, count(*) AS n FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status IN ('reserved', 'confirmed')
    GROUP BY customer_id
), told AS (
    SELECT customer_id, redemption_count FROM coupons_usercouponredemption WHERE coupon_id = %(coupon)s
)
SELECT customer_id, coalesce(told.redemption_count, 0) AS redemption_count, coalesce(counted.n, 0) AS counted
FROM counted FULL JOIN told USING (customer_id)
WHERE coalesce(told.redemption_count, 0) <> coalesce(counted.n, 0)
ORDER BY customer_id
