-- Add the next units to a pool and count them. The caller locks the row of the limit.
-- Upholds redemptions_limit_within_cap: there are never more units than the limit.
WITH created AS (
    INSERT INTO redemptions_limitunit (owner, number)
    SELECT %(owner)s, coalesce((SELECT max(number) FROM redemptions_limitunit WHERE owner = %(owner)s), 0) + i
    FROM generate_series(1, %(wanted)s::integer) AS i
    RETURNING 1
)
UPDATE redemptions_limit SET taken = taken + (SELECT count(*) FROM created)
WHERE owner = %(owner)s AND scope = 'total:pool' AND slot = '' AND shard = 0
