-- Free the units of redemptions, and delete those of them by which a lowered limit is exceeded.
-- Upholds redemptions_limitunit_pkey: only the redemption that has a unit releases it; and redemptions_limit_within_cap.
WITH released AS MATERIALIZED (
    SELECT u.number FROM redemptions_limitunit u
    JOIN unnest(%(units)s::integer[], %(ids)s::uuid[]) AS w (number, id) ON u.number = w.number AND u.redemption_id = w.id
    WHERE u.owner = %(owner)s
    ORDER BY u.number
    FOR UPDATE OF u
), excess AS MATERIALIZED (
    SELECT cap FROM redemptions_limit
    WHERE owner = %(owner)s AND scope = 'total:pool' AND slot = '' AND shard = -1 AND cap > 0
    FOR UPDATE
), surplus AS MATERIALIZED (
    SELECT number FROM released ORDER BY number LIMIT coalesce((SELECT cap FROM excess), 0)
), deleted AS (
    DELETE FROM redemptions_limitunit u USING surplus WHERE u.owner = %(owner)s AND u.number = surplus.number RETURNING 1
), reduced AS (
    UPDATE redemptions_limit SET cap = cap - d.n, taken = CASE WHEN shard = 0 THEN taken - d.n ELSE taken END
    FROM (SELECT count(*) AS n FROM deleted) AS d
    WHERE owner = %(owner)s AND scope = 'total:pool' AND slot = '' AND d.n > 0
)
UPDATE redemptions_limitunit u SET redemption_id = NULL
FROM released
WHERE u.owner = %(owner)s AND u.number = released.number AND u.number <> ALL(ARRAY(SELECT number FROM surplus))
