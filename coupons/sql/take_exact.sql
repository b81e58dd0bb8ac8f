-- Takes up to so many of a coupon's one counter; no row means that none is left.
-- Upholds coupons_counter_within_cap.
UPDATE coupons_couponcounter SET taken = taken + least(%(wanted)s::bigint, cap - taken)
WHERE coupon_id = %(coupon)s AND shard = 0 AND taken < cap
RETURNING new.taken - old.taken AS got
