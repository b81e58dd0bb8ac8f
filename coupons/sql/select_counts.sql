-- Select the customer's number of redemptions of each coupon, without expired reservations.
-- Upholds no constraint; writes nothing.
SELECT u.coupon_id, greatest(0, u.redemption_count - coalesce(e.n, 0)) AS n
FROM coupons_usercouponredemption u
LEFT JOIN (
    SELECT coupon_id, count(*) AS n FROM coupons_couponredemption
    WHERE status = 'reserved' AND reserved_until <= %(at)s AND customer_id = %(customer)s
        AND coupon_id = ANY(%(coupons)s::uuid[])
    GROUP BY coupon_id
) e ON e.coupon_id = u.coupon_id
WHERE u.customer_id = %(customer)s AND u.coupon_id = ANY(%(coupons)s::uuid[])
