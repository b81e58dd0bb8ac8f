-- Delete free units of a pool, the last first, and subtract them from its counter. The caller locks the counter.
-- Upholds coupons_counter_within_cap.
WITH free AS MATERIALIZED (
    SELECT n FROM coupons_couponunit WHERE coupon_id = %(coupon)s AND redemption_id IS NULL
    ORDER BY n DESC
    LIMIT %(wanted)s
    FOR UPDATE
), deleted AS (
    DELETE FROM coupons_couponunit t USING free WHERE t.coupon_id = %(coupon)s AND t.n = free.n RETURNING 1
)
UPDATE coupons_couponcounter SET taken = taken - (SELECT count(*) FROM deleted) WHERE coupon_id = %(coupon)s AND shard = 0
RETURNING (SELECT count(*) FROM deleted) AS deleted
