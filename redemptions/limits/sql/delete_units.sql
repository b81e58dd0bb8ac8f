-- Delete free units of a pool, the last first, and subtract them from its count. The caller locks the row of the limit.
-- Upholds redemptions_limit_within_cap.
WITH free AS MATERIALIZED (
    SELECT number FROM redemptions_limitunit WHERE owner = %(owner)s AND redemption_id IS NULL
    ORDER BY number DESC
    LIMIT %(wanted)s
    FOR UPDATE
), deleted AS (
    DELETE FROM redemptions_limitunit u USING free WHERE u.owner = %(owner)s AND u.number = free.number RETURNING 1
)
UPDATE redemptions_limit SET taken = taken - (SELECT count(*) FROM deleted)
WHERE owner = %(owner)s AND scope = 'total:pool' AND slot = '' AND shard = 0
RETURNING (SELECT count(*) FROM deleted) AS deleted
