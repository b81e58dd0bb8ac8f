-- Release units to the shards that they were taken from, locked in order.
-- Upholds coupons_counter_within_cap.
WITH released AS (
    SELECT shard, count(*) AS n FROM unnest(%(shards)s::smallint[]) AS w (shard) GROUP BY shard
), locked AS MATERIALIZED (
    SELECT t.shard, released.n FROM coupons_couponcounter t JOIN released USING (shard)
    WHERE t.coupon_id = %(coupon)s ORDER BY t.shard FOR UPDATE OF t
)
UPDATE coupons_couponcounter t SET taken = t.taken - locked.n
FROM locked
WHERE t.coupon_id = %(coupon)s AND t.shard = locked.shard
