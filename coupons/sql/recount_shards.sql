-- Select the shards of a coupon's limit that differ from its active redemptions, in one snapshot.
-- Upholds redemptions_limit_within_cap: finds counters that don't match their redemptions.
WITH counted AS (
    SELECT unit, count(*) AS n FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status IN ('reserved', 'confirmed') AND unit IS NOT NULL
    GROUP BY unit
)
SELECT l.slot, l.shard, l.taken, l.cap, coalesce(c.n, 0) AS counted
FROM redemptions_limit l
LEFT JOIN counted c ON c.unit = l.shard
WHERE l.owner = %(coupon)s AND l.scope = %(scope)s AND l.slot = '' AND l.taken <> coalesce(c.n, 0)
ORDER BY l.shard
