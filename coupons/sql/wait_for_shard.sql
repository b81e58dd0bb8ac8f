-- Takes up to so many from the nearest shard with room, waiting for whoever is at it; no row means: look again.
-- Upholds coupons_counter_within_cap.
WITH room AS MATERIALIZED (
    SELECT shard FROM coupons_couponcounter
    WHERE coupon_id = %(coupon)s AND taken < cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
)
UPDATE coupons_couponcounter t SET taken = t.taken + least(%(wanted)s::bigint, t.cap - t.taken)
FROM room
WHERE t.coupon_id = %(coupon)s AND t.shard = room.shard AND t.taken < t.cap
RETURNING t.shard, new.taken - old.taken AS got
