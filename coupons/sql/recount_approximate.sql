-- Correct the counter of an approximate coupon by its difference from the active redemptions; keeps concurrent changes.
-- Upholds coupons_counter_within_cap.
WITH snapshot AS MATERIALIZED ( -- counter and rows of one snapshot
    SELECT k.taken, c.n FROM coupons_couponcounter k
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM coupons_couponredemption r
        WHERE r.coupon_id = k.coupon_id AND r.status IN ('reserved', 'confirmed') AND r.unit IS NOT NULL
    ) c
    WHERE k.coupon_id = %(coupon)s
)
UPDATE coupons_couponcounter t
SET cap = %(hard_cap)s::bigint, taken = greatest(0, least(%(hard_cap)s::bigint, t.taken + snapshot.n - snapshot.taken))
FROM snapshot
WHERE t.coupon_id = %(coupon)s
