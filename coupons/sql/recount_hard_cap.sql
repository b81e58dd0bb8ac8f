-- Select the counter of an approximate coupon whose active redemptions exceed its hard cap.
-- Upholds redemptions_limit_within_cap: finds counters that don't match their redemptions.
SELECT l.slot, l.shard, l.taken, l.cap, c.n AS counted
FROM redemptions_limit l
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM coupons_couponredemption r
    WHERE r.coupon_id = l.owner AND r.status IN ('reserved', 'confirmed') AND r.unit IS NOT NULL
) c
WHERE l.owner = %(coupon)s AND l.scope = 'total:approximate' AND l.slot = '' AND c.n > l.cap
