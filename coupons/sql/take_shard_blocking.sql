-- Take up to N units from the nearest shard with capacity, waiting for its lock. Returns no row if it filled up meanwhile.
-- Upholds coupons_counter_within_cap.
WITH nearest AS MATERIALIZED (
    SELECT shard FROM coupons_couponcounter
    WHERE coupon_id = %(coupon)s AND taken < cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
), available AS MATERIALIZED ( -- locked, so it shows what earlier transactions left
    SELECT t.shard, t.taken, t.cap FROM coupons_couponcounter t JOIN nearest USING (shard)
    WHERE t.coupon_id = %(coupon)s AND t.taken < t.cap
    FOR UPDATE OF t
)
UPDATE coupons_couponcounter t SET taken = available.taken + least(%(wanted)s::bigint, available.cap - available.taken)
FROM available
WHERE t.coupon_id = %(coupon)s AND t.shard = available.shard
RETURNING t.shard, t.taken - available.taken AS got
