-- Take up to N units from the nearest shard with capacity, waiting for its lock. Returns no row if it filled up meanwhile.
-- Upholds redemptions_limit_within_cap.
WITH nearest AS MATERIALIZED (
    SELECT shard FROM redemptions_limit
    WHERE owner = %(owner)s AND scope = %(scope)s AND slot = '' AND shard >= 0 AND taken < cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
), available AS MATERIALIZED ( -- locked, so it shows what earlier transactions left
    SELECT l.shard, l.taken, l.cap FROM redemptions_limit l JOIN nearest USING (shard)
    WHERE l.owner = %(owner)s AND l.scope = %(scope)s AND l.slot = '' AND l.taken < l.cap
    FOR UPDATE OF l
)
UPDATE redemptions_limit l SET taken = available.taken + least(%(wanted)s::bigint, available.cap - available.taken)
FROM available
WHERE l.owner = %(owner)s AND l.scope = %(scope)s AND l.slot = '' AND l.shard = available.shard
RETURNING l.shard, l.taken - available.taken AS got
