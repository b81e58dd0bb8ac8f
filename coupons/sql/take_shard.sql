-- Take up to N units from the nearest unlocked shard with capacity. Returns no row if there is none.
-- Upholds coupons_counter_within_cap.
WITH available AS MATERIALIZED ( -- materialized: a join could run a plain subquery repeatedly, and take each time
    SELECT shard, taken, cap FROM coupons_couponcounter
    WHERE coupon_id = %(coupon)s AND taken < cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE coupons_couponcounter t SET taken = available.taken + least(%(wanted)s::bigint, available.cap - available.taken)
FROM available
WHERE t.coupon_id = %(coupon)s AND t.shard = available.shard
RETURNING t.shard, t.taken - available.taken AS got
