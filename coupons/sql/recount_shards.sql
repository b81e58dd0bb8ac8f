-- Counters of a coupon that do not say what stands of it; one statement, so that nothing changes while it counts.
-- Upholds coupons_counter_within_cap, by finding where a counter lost its meaning.
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
