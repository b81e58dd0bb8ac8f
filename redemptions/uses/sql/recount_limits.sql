-- Return the rows of limits of offers that differ from what the uses took. One statement, so that nothing changes meanwhile.
-- Upholds redemptions_limit_within_cap by finding rows that lost their meaning.
WITH counted AS (
    SELECT u.promotion_id, c ->> 0 AS scope, c ->> 1 AS slot, (c ->> 2)::integer AS shard, sum((c ->> 3)::bigint) AS amount
    FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS c
    WHERE u.promotion_id = ANY(%(offers)s::uuid[])
    GROUP BY 1, 2, 3, 4
)
SELECT l.owner, l.scope, l.slot, l.shard, l.taken, l.cap, coalesce(c.amount, 0)::bigint AS counted
FROM redemptions_limit l
LEFT JOIN counted c ON c.promotion_id = l.owner AND c.scope = l.scope AND c.slot = l.slot AND c.shard = l.shard
WHERE l.taken <> coalesce(c.amount, 0) AND l.scope NOT IN ('total:pool', 'total:approximate') AND l.owner = ANY(%(offers)s::uuid[])
    AND NOT (l.scope = ANY(%(own_scopes)s::text[]) AND l.slot ~ '^[0-9]*$') -- the kind counts customers, not further identities
ORDER BY l.owner, l.scope, l.slot, l.shard
