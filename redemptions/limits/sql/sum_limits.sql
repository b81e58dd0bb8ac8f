-- Return what is taken of limits of owners, summed over shards.
-- Upholds no constraint: it writes nothing; take_limits.sql decides.
SELECT owner, scope, slot, sum(taken)::bigint - CASE WHEN scope = 'total:pool' THEN ( -- its row counts the units that exist
    SELECT count(*) FROM redemptions_limitunit u WHERE u.owner = l.owner AND u.redemption_id IS NULL
) ELSE 0 END AS taken
FROM redemptions_limit l
WHERE owner = ANY(%(owners)s::uuid[])
    AND (scope, slot) IN (SELECT * FROM unnest(%(scopes)s::text[], %(slots)s::text[]))
GROUP BY owner, scope, slot
