-- Take up to N units from the nearest unlocked shard with capacity. Returns no row if there is none.
-- Upholds redemptions_limit_within_cap.
WITH available AS MATERIALIZED ( -- materialized: a join could run a plain subquery repeatedly, and take each time
    SELECT shard, taken, cap FROM redemptions_limit
    WHERE owner = %(owner)s AND scope = %(scope)s AND slot = '' AND shard >= 0 AND taken < cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE redemptions_limit l SET taken = available.taken + least(%(wanted)s::bigint, available.cap - available.taken)
FROM available
WHERE l.owner = %(owner)s AND l.scope = %(scope)s AND l.slot = '' AND l.shard = available.shard
RETURNING l.shard, l.taken - available.taken AS got
