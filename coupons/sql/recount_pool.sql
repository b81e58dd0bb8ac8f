-- Select the counter of a pool if it differs from the number of units.
-- Upholds coupons_counter_within_cap: finds counters that don't match their units.
SELECT k.shard, k.taken, k.cap, u.n AS counted
FROM coupons_couponcounter k
CROSS JOIN LATERAL (SELECT count(*) AS n FROM coupons_couponunit u WHERE u.coupon_id = k.coupon_id) u
WHERE k.coupon_id = %(coupon)s AND k.taken <> u.n
