-- Return the rows of limits that differ from what the redemptions took. One statement, so that nothing changes meanwhile.
-- Upholds redemptions_limit_within_cap by finding rows that lost their meaning.
WITH counted AS (
    SELECT u.promotion_id, c ->> 0 AS scope, c ->> 1 AS slot, (c ->> 2)::smallint AS shard, sum((c ->> 3)::bigint) AS amount
    FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS c
    WHERE %(promotion)s::uuid IS NULL OR u.promotion_id = %(promotion)s
    GROUP BY 1, 2, 3, 4
)
SELECT l.owner, l.scope, l.slot, l.shard, l.taken, l.cap, coalesce(c.amount, 0)::bigint AS counted
FROM redemptions_limit l
JOIN promotions_promotion p ON p.id = l.owner
LEFT JOIN counted c ON c.promotion_id = l.owner AND c.scope = l.scope AND c.slot = l.slot AND c.shard = l.shard
WHERE l.taken <> coalesce(c.amount, 0) AND (%(promotion)s::uuid IS NULL OR l.owner = %(promotion)s)
ORDER BY l.owner, l.scope, l.slot, l.shard
