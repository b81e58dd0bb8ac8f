-- Return the rows of limits.
-- Upholds no constraint: it writes nothing; take_limits.sql decides.
SELECT l.owner, l.scope, l.slot, l.shard, l.taken, l.cap
FROM unnest(%(owners)s::uuid[], %(scopes)s::text[], %(slots)s::text[]) AS r (owner, scope, slot)
JOIN redemptions_limit l ON l.owner = r.owner AND l.scope = r.scope AND l.slot = r.slot
