-- Takes up to so many from the nearest shard with room, waiting for whoever is at it; no row means: look again.
-- Upholds coupons_counter_within_cap.
WITH nearest AS MATERIALIZED (
    SELECT shard FROM coupons_couponcounter
    WHERE coupon_id = %(coupon)s AND taken < cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
), room AS MATERIALIZED ( -- locked: what it says is what those who were at it have left
    SELECT t.shard, t.taken, t.cap FROM coupons_couponcounter t JOIN nearest USING (shard)
    WHERE t.coupon_id = %(coupon)s AND t.taken < t.cap
    FOR UPDATE OF t
)
UPDATE coupons_couponcounter t SET taken = room.taken + least(%(wanted)s::bigint, room.cap - room.taken)
FROM room
WHERE t.coupon_id = %(coupon)s AND t.shard = room.shard
RETURNING t.shard, t.taken - room.taken AS got
