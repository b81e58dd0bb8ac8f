-- Replace the customers of an audience by the staged ones, and count the changes. Unchanged rows stay untouched; the caller locks the audience.
-- Upholds segments_audiencemember_pkey and segments_audience_size.
WITH staged AS MATERIALIZED (
    SELECT DISTINCT c.id FROM segments_sent s JOIN accounts_customer c USING (customer_id)
), removed AS (
    DELETE FROM segments_audiencemember m
    WHERE m.audience_id = %(audience)s AND NOT EXISTS (SELECT FROM staged WHERE staged.id = m.customer_id)
    RETURNING 1
), added AS (
    INSERT INTO segments_audiencemember (audience_id, customer_id)
    SELECT %(audience)s::bigint, staged.id
    FROM staged
    WHERE NOT EXISTS (
        SELECT FROM segments_audiencemember m WHERE m.audience_id = %(audience)s AND m.customer_id = staged.id
    )
    ORDER BY staged.id
    ON CONFLICT DO NOTHING
    RETURNING 1
), counted AS (
    SELECT (SELECT count(*) FROM added) AS added, (SELECT count(*) FROM removed) AS removed
)
UPDATE segments_audience
SET size = size + added - removed, version = COALESCE(%(version)s, version), updated_at = now()
FROM counted
WHERE id = %(audience)s
RETURNING size, added, removed
