-- Set rows of limits that the caller has locked.
-- Upholds redemptions_limit_within_cap.
UPDATE redemptions_limit l SET taken = r.taken, cap = r.cap
FROM unnest(
    %(owners)s::uuid[], %(scopes)s::text[], %(slots)s::text[], %(shards)s::smallint[], %(takens)s::bigint[], %(caps)s::bigint[]
) AS r (owner, scope, slot, shard, taken, cap)
WHERE l.owner = r.owner AND l.scope = r.scope AND l.slot = r.slot AND l.shard = r.shard
