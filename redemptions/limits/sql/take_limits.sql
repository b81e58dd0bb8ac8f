-- Take amounts of limits in the order in which every transaction locks them, and create missing rows. Returns the rows.
-- Upholds redemptions_limit_within_cap and redemptions_limit_pkey.
INSERT INTO redemptions_limit AS l (owner, scope, slot, shard, taken, cap)
SELECT owner, scope, slot, shard, amount, greatest(amount, cap)
FROM unnest(
    %(owners)s::uuid[], %(scopes)s::text[], %(slots)s::text[], %(shards)s::smallint[], %(amounts)s::bigint[], %(caps)s::bigint[]
) AS r (owner, scope, slot, shard, amount, cap)
WHERE amount <= cap OR scope !~ '^(customer|balance|grant)' AND EXISTS ( -- its shard has more than its first share
    SELECT FROM redemptions_limit e
    WHERE e.owner = r.owner AND e.scope = r.scope AND e.slot = r.slot AND e.shard = r.shard
)
ORDER BY owner, scope COLLATE "C", slot COLLATE "C", shard
ON CONFLICT (owner, scope, slot, shard) DO UPDATE SET
    taken = l.taken + excluded.taken,
    cap = CASE WHEN excluded.scope ~ '^(customer|balance|grant)' THEN excluded.cap ELSE l.cap END
    WHERE l.taken + excluded.taken <= CASE WHEN excluded.scope ~ '^(customer|balance|grant)' THEN excluded.cap ELSE l.cap END
RETURNING owner
