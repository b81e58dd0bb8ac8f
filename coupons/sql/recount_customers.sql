-- Select the customers whose count of a coupon differs from their active redemptions.
-- Upholds coupons_user_within_cap: finds counts that don't match their redemptions.
WITH counted AS (
    SELECT customer_id, count(*) AS n FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status IN ('reserved', 'confirmed')
    GROUP BY customer_id
), stored AS (
    SELECT customer_id, redemption_count FROM coupons_usercouponredemption WHERE coupon_id = %(coupon)s
)
SELECT customer_id, coalesce(stored.redemption_count, 0) AS redemption_count, coalesce(counted.n, 0) AS counted
FROM counted FULL JOIN stored USING (customer_id)
WHERE coalesce(stored.redemption_count, 0) <> coalesce(counted.n, 0)
ORDER BY customer_id
