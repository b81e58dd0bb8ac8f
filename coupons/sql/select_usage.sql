-- Select the active and the reserved redemptions of coupons, and how many units a pool has so far.
-- Upholds no constraint; writes nothing.
SELECT d.id, r.n AS reserved, k.taken AS prepared, (CASE
    WHEN d.maximum_number_of_coupons IS NULL THEN (
        SELECT coalesce(sum(redemption_count), 0) FROM coupons_usercouponredemption WHERE coupon_id = d.id
    )
    WHEN d.limit_strategy = 'pool' THEN k.taken - (
        SELECT count(*) FROM coupons_couponunit u WHERE u.coupon_id = d.id AND u.redemption_id IS NULL
    )
    ELSE k.taken
END)::bigint AS active
FROM coupons_coupondefinition d
CROSS JOIN LATERAL (
    SELECT coalesce(sum(taken), 0)::bigint AS taken FROM coupons_couponcounter WHERE coupon_id = d.id
) k
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM coupons_couponredemption WHERE coupon_id = d.id AND status = 'reserved'
) r
WHERE d.id = ANY(%(coupons)s::uuid[])
