-- Select the rows of total limits that differ from the units of a pool, or have fewer units than uses of an approximate limit.
-- Upholds redemptions_limit_within_cap by finding rows that lost their meaning.
SELECT l.owner, l.scope, l.taken, l.cap, u.n AS counted
FROM redemptions_limit l
CROSS JOIN LATERAL (SELECT count(*) AS n FROM redemptions_limitunit u WHERE u.owner = l.owner) u
WHERE l.owner = ANY(%(offers)s::uuid[]) AND l.scope = 'total:pool' AND l.shard = 0 AND l.taken <> u.n
UNION ALL
SELECT l.owner, l.scope, l.taken, l.cap, u.n
FROM redemptions_limit l
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM promotions_promotionuse u
    WHERE u.promotion_id = l.owner AND u.counters @> '[["total:approximate"]]'
) u
WHERE l.owner = ANY(%(offers)s::uuid[]) AND l.scope = 'total:approximate' AND u.n > l.cap
ORDER BY 1, 2
