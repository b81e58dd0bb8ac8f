-- Select the remaining units of each coupon with a limit, including those of reservations that have expired.
-- Upholds no constraint; writes nothing.
SELECT d.id, greatest(0, d.maximum_number_of_coupons + coalesce(e.n, 0) - CASE d.limit_strategy
    WHEN 'pool' THEN k.taken - (
        SELECT count(*) FROM redemptions_limitunit u WHERE u.owner = d.id AND u.redemption_id IS NULL
    )
    ELSE k.taken
END)::bigint AS n
FROM coupons_coupondefinition d
CROSS JOIN LATERAL (
    SELECT coalesce(sum(taken), 0) AS taken FROM redemptions_limit
    WHERE owner = d.id AND scope = %(scopes)s::jsonb ->> d.limit_strategy AND slot = ''
) k
LEFT JOIN (
    SELECT coupon_id, count(*) AS n FROM coupons_couponredemption
    WHERE status = 'reserved' AND reserved_until <= %(at)s AND coupon_id = ANY(%(coupons)s::uuid[])
    GROUP BY coupon_id
) e ON e.coupon_id = d.id
WHERE d.id = ANY(%(coupons)s::uuid[]) AND d.maximum_number_of_coupons IS NOT NULL
