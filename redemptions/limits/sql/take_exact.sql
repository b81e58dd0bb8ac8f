-- Take up to N units from the only row of a limit. Returns no row if none is left.
-- Upholds redemptions_limit_within_cap.
WITH available AS MATERIALIZED ( -- locked, so the row that is read is the row that changes
    SELECT taken, cap FROM redemptions_limit
    WHERE owner = %(owner)s AND scope = %(scope)s AND slot = '' AND shard = 0 AND taken < cap
    FOR UPDATE
)
UPDATE redemptions_limit l SET taken = available.taken + least(%(wanted)s::bigint, available.cap - available.taken)
FROM available
WHERE l.owner = %(owner)s AND l.scope = %(scope)s AND l.slot = '' AND l.shard = 0
RETURNING l.taken - available.taken AS got
