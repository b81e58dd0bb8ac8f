-- Select the counter of an approximate coupon whose active redemptions exceed its hard cap.
-- Upholds coupons_counter_within_cap: finds counters that don't match their redemptions.
SELECT k.shard, k.taken, k.cap, c.n AS counted
FROM coupons_couponcounter k
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM coupons_couponredemption r
    WHERE r.coupon_id = k.coupon_id AND r.status IN ('reserved', 'confirmed') AND r.unit IS NOT NULL
) c
WHERE k.coupon_id = %(coupon)s AND c.n > k.cap
