-- Take up to N units from the coupon's only counter. Returns no row if none is left.
-- Upholds coupons_counter_within_cap.
WITH available AS MATERIALIZED ( -- locked, so the row that is read is the row that changes
    SELECT taken, cap FROM coupons_couponcounter
    WHERE coupon_id = %(coupon)s AND shard = 0 AND taken < cap
    FOR UPDATE
)
UPDATE coupons_couponcounter t SET taken = available.taken + least(%(wanted)s::bigint, available.cap - available.taken)
FROM available
WHERE t.coupon_id = %(coupon)s AND t.shard = 0
RETURNING t.taken - available.taken AS got
