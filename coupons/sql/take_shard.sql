-- Takes up to so many from the nearest shard that has room and that nobody else is at; no row means: none was found so.
-- Upholds coupons_counter_within_cap.
WITH room AS MATERIALIZED ( -- materialised: a join could ask a plain subquery again and again, and take each time
    SELECT shard, taken, cap FROM coupons_couponcounter
    WHERE coupon_id = %(coupon)s AND taken < cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE coupons_couponcounter t SET taken = room.taken + least(%(wanted)s::bigint, room.cap - room.taken)
FROM room
WHERE t.coupon_id = %(coupon)s AND t.shard = room.shard
RETURNING t.shard, t.taken - room.taken AS got
