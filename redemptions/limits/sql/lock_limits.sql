-- Lock rows of limits in the order in which every transaction locks them, and create missing rows. Returns the rows.
-- Upholds redemptions_limit_within_cap and redemptions_limit_pkey.
INSERT INTO redemptions_limit AS l (owner, scope, slot, shard, taken, cap)
SELECT owner, scope, slot, shard, 0, cap
FROM unnest(%(owners)s::uuid[], %(scopes)s::text[], %(slots)s::text[], %(shards)s::smallint[], %(caps)s::bigint[])
    AS r (owner, scope, slot, shard, cap)
ORDER BY owner, scope COLLATE "C", slot COLLATE "C", shard
ON CONFLICT (owner, scope, slot, shard) DO UPDATE SET taken = l.taken -- locks the row
RETURNING owner, scope, slot, shard, taken, cap
