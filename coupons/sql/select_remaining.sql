-- Select the remaining units of each coupon with a limit, including those of reservations that have expired.
-- Upholds no constraint; writes nothing.
SELECT d.id, greatest(0, coalesce(e.n, 0) + CASE d.limit_strategy
    WHEN 'approximate' THEN d.maximum_number_of_coupons - k.taken
    WHEN 'pool' THEN k.cap - k.taken + (
        SELECT count(*) FROM coupons_couponunit u WHERE u.coupon_id = d.id AND u.redemption_id IS NULL
    )
    ELSE k.cap - k.taken
END)::bigint AS n
FROM coupons_coupondefinition d
CROSS JOIN LATERAL (
    SELECT sum(taken) AS taken, sum(cap) AS cap FROM coupons_couponcounter WHERE coupon_id = d.id
) k
LEFT JOIN (
    SELECT coupon_id, count(*) AS n FROM coupons_couponredemption
    WHERE status = 'reserved' AND reserved_until <= %(at)s AND coupon_id = ANY(%(coupons)s::uuid[])
    GROUP BY coupon_id
) e ON e.coupon_id = d.id
WHERE d.id = ANY(%(coupons)s::uuid[]) AND d.maximum_number_of_coupons IS NOT NULL
