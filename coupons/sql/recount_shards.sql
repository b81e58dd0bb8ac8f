-- Select the counters of a coupon that differ from its active redemptions, in one snapshot.
-- Upholds coupons_counter_within_cap: finds counters that don't match their redemptions.
WITH counted AS (
    SELECT unit, count(*) AS n FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status IN ('reserved', 'confirmed') AND unit IS NOT NULL
    GROUP BY unit
)
SELECT k.shard, k.taken, k.cap, coalesce(c.n, 0) AS counted
FROM coupons_couponcounter k
LEFT JOIN counted c ON c.unit = k.shard
WHERE k.coupon_id = %(coupon)s AND k.taken <> coalesce(c.n, 0)
ORDER BY k.shard
