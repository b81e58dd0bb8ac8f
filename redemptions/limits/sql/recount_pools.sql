-- Select the rows of pools that differ from the number of their units: those of one owner, or of all.
-- Upholds redemptions_limit_within_cap by finding rows that lost their meaning.
SELECT l.owner, l.scope, l.slot, l.shard, l.taken, l.cap, coalesce(u.n, 0) AS counted
FROM redemptions_limit l
LEFT JOIN (
    SELECT owner, count(*) AS n FROM redemptions_limitunit
    WHERE %(owner)s::uuid IS NULL OR owner = %(owner)s::uuid
    GROUP BY owner
) u ON u.owner = l.owner
WHERE l.scope = 'total:pool' AND l.slot = '' AND l.shard = 0 AND l.taken <> coalesce(u.n, 0)
    AND (%(owner)s::uuid IS NULL OR l.owner = %(owner)s::uuid)
ORDER BY l.owner
