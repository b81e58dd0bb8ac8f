-- Release amounts to the shards that they were taken from; what reduces an excess over a lowered limit isn't given again.
-- Upholds redemptions_limit_within_cap. The caller names the row of the excess (shard -1) of each limit, with the amount 0.
WITH released AS MATERIALIZED (
    SELECT * FROM unnest(
        %(owners)s::uuid[], %(scopes)s::text[], %(slots)s::text[], %(shards)s::smallint[], %(amounts)s::bigint[]
    ) AS r (owner, scope, slot, shard, amount)
), locked AS MATERIALIZED (
    SELECT l.owner, l.scope, l.slot, l.shard, l.cap, r.amount
    FROM released r
    JOIN redemptions_limit l ON l.owner = r.owner AND l.scope = r.scope AND l.slot = r.slot AND l.shard = r.shard
    ORDER BY l.owner, l.scope, l.slot, l.shard
    FOR UPDATE OF l
), reduced AS MATERIALIZED (
    SELECT owner, scope, slot, shard, amount, CASE WHEN shard = -1 THEN least(cap, sum(amount) OVER whole) ELSE greatest(0, least(
        amount, coalesce(max(cap) FILTER (WHERE shard = -1) OVER whole, 0) + amount - sum(amount) OVER so_far
    )) END AS reduction
    FROM locked
    WINDOW whole AS (PARTITION BY owner, scope, slot), so_far AS (PARTITION BY owner, scope, slot ORDER BY shard)
)
UPDATE redemptions_limit l SET taken = l.taken - r.amount, cap = l.cap - r.reduction
FROM reduced r
WHERE l.owner = r.owner AND l.scope = r.scope AND l.slot = r.slot AND l.shard = r.shard
