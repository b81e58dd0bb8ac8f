-- Takes up to so many of a coupon's one counter; no row means that none is left.
-- Upholds coupons_counter_within_cap.
WITH room AS MATERIALIZED ( -- locked, so that what is read is what is changed
    SELECT taken, cap FROM coupons_couponcounter
    WHERE coupon_id = %(coupon)s AND shard = 0 AND taken < cap
    FOR UPDATE
)
UPDATE coupons_couponcounter t SET taken = room.taken + least(%(wanted)s::bigint, room.cap - room.taken)
FROM room
WHERE t.coupon_id = %(coupon)s AND t.shard = 0
RETURNING t.taken - room.taken AS got
