-- Add the next units to a pool and count them. The caller locks the counter.
-- Upholds coupons_counter_within_cap: there are never more units than the limit.
WITH created AS (
    INSERT INTO coupons_couponunit (coupon_id, n)
    SELECT %(coupon)s, coalesce((SELECT max(n) FROM coupons_couponunit WHERE coupon_id = %(coupon)s), 0) + i
    FROM generate_series(1, %(wanted)s::integer) AS i
    RETURNING 1
)
UPDATE coupons_couponcounter SET taken = taken + (SELECT count(*) FROM created) WHERE coupon_id = %(coupon)s AND shard = 0
