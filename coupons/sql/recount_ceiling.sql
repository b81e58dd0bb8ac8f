-- The counter of an approximate coupon of which more stands than its ceiling.
-- Upholds coupons_counter_within_cap, by finding where a counter lost its meaning.
SELECT k.shard, k.taken, k.cap, c.n AS counted
FROM coupons_couponcounter k
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM coupons_couponredemption r
    WHERE r.coupon_id = k.coupon_id AND r.status IN ('reserved', 'confirmed') AND r.unit IS NOT NULL
) c
WHERE k.coupon_id = %(coupon)s AND c.n > k.cap
