-- Correct the counter of an approximate coupon by its difference from the active redemptions; keeps concurrent changes.
-- Upholds redemptions_limit_within_cap.
WITH snapshot AS MATERIALIZED ( -- counter and rows of one snapshot
    SELECT l.taken, c.n FROM redemptions_limit l
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM coupons_couponredemption r
        WHERE r.coupon_id = l.owner AND r.status IN ('reserved', 'confirmed') AND r.unit IS NOT NULL
    ) c
    WHERE l.owner = %(coupon)s AND l.scope = 'total:approximate' AND l.slot = ''
)
UPDATE redemptions_limit l
SET cap = greatest(%(hard_cap)s::bigint, snapshot.n), taken = greatest(0, least(
    greatest(%(hard_cap)s::bigint, snapshot.n), l.taken + snapshot.n - snapshot.taken
))
FROM snapshot
WHERE l.owner = %(coupon)s AND l.scope = 'total:approximate' AND l.slot = ''
