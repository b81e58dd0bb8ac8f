-- Return the counters that differ from what the redemptions took. One statement, so that nothing changes meanwhile.
-- Upholds promotions_counter_within_cap by finding counters that lost their meaning.
WITH counted AS (
    SELECT u.promotion_id, c ->> 0 AS kind, c ->> 1 AS slot, (c ->> 2)::smallint AS shard, sum((c ->> 3)::bigint) AS amount
    FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS c
    WHERE %(promotion)s::uuid IS NULL OR u.promotion_id = %(promotion)s
    GROUP BY 1, 2, 3, 4
)
SELECT k.promotion_id, k.kind, k.slot, k.shard, k.taken, k.cap, coalesce(c.amount, 0)::bigint AS counted
FROM promotions_promotioncounter k
LEFT JOIN counted c ON c.promotion_id = k.promotion_id AND c.kind = k.kind AND c.slot = k.slot AND c.shard = k.shard
WHERE k.taken <> coalesce(c.amount, 0) AND (%(promotion)s::uuid IS NULL OR k.promotion_id = %(promotion)s)
ORDER BY k.promotion_id, k.kind, k.slot, k.shard
