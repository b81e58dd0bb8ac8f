-- Select the customer's number of redemptions of each coupon, without expired reservations.
-- Upholds no constraint; writes nothing.
SELECT l.owner AS coupon_id, greatest(0, l.taken - coalesce(e.n, 0)) AS n
FROM redemptions_limit l
LEFT JOIN (
    SELECT coupon_id, count(*) AS n FROM coupons_couponredemption
    WHERE status = 'reserved' AND reserved_until <= %(at)s AND customer_id = %(customer)s
        AND coupon_id = ANY(%(coupons)s::uuid[])
    GROUP BY coupon_id
) e ON e.coupon_id = l.owner
WHERE l.owner = ANY(%(coupons)s::uuid[]) AND l.scope = 'customer' AND l.slot = %(customer)s::bigint::text
