-- Return what is taken of limits of owners, summed over shards.
-- Upholds no constraint: it writes nothing; take_limits.sql decides.
SELECT owner, scope, slot, sum(taken)::bigint AS taken
FROM redemptions_limit
WHERE owner = ANY(%(owners)s::uuid[])
    AND (scope, slot) IN (SELECT * FROM unnest(%(scopes)s::text[], %(slots)s::text[]))
GROUP BY owner, scope, slot
