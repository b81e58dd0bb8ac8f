-- Return whether a pool has units that are free, locked by others, or not created yet.
-- Upholds no constraint: it writes nothing.
SELECT EXISTS (
    SELECT FROM redemptions_limit WHERE owner = %(owner)s AND scope = 'total:pool' AND slot = '' AND shard = 0 AND taken < cap
) OR EXISTS (
    SELECT FROM redemptions_limitunit WHERE owner = %(owner)s AND redemption_id IS NULL
) AS has_left
