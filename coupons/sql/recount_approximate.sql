-- Corrects an approximate counter by how far it is from what stands; what is added meanwhile stays added.
-- Upholds coupons_counter_within_cap.
WITH seen AS MATERIALIZED ( -- the counter and the rows of one snapshot
    SELECT k.taken, c.n FROM coupons_couponcounter k
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM coupons_couponredemption r
        WHERE r.coupon_id = k.coupon_id AND r.status IN ('reserved', 'confirmed') AND r.unit IS NOT NULL
    ) c
    WHERE k.coupon_id = %(coupon)s
)
UPDATE coupons_couponcounter t
SET cap = %(ceiling)s::bigint, taken = greatest(0, least(%(ceiling)s::bigint, t.taken + seen.n - seen.taken))
FROM seen
WHERE t.coupon_id = %(coupon)s
