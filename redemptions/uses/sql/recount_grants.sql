-- Return the rows of grants between brands that differ from what the uses took. One statement, so that nothing changes meanwhile.
-- Upholds redemptions_limit_within_cap by finding rows that lost their meaning.
WITH counted AS (
    SELECT u.grant_key, c ->> 0 AS scope, c ->> 1 AS slot, (c ->> 2)::integer AS shard, sum((c ->> 3)::bigint) AS amount
    FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS c
    WHERE u.grant_key IS NOT NULL AND (%(grant)s::uuid IS NULL OR u.grant_key = %(grant)s::uuid) AND starts_with(c ->> 0, 'grant')
    GROUP BY 1, 2, 3, 4
)
SELECT l.owner, l.scope, l.slot, l.shard, l.taken, l.cap, coalesce(c.amount, 0)::bigint AS counted
FROM redemptions_limit l
LEFT JOIN counted c ON c.grant_key = l.owner AND c.scope = l.scope AND c.slot = l.slot AND c.shard = l.shard
WHERE l.taken <> coalesce(c.amount, 0) AND starts_with(l.scope, 'grant') AND (%(grant)s::uuid IS NULL OR l.owner = %(grant)s::uuid)
ORDER BY l.owner, l.scope, l.slot, l.shard
