-- Add the staged customers to an audience, and count them. The caller locks the audience.
-- Upholds segments_audiencemember_pkey and segments_audience_size.
WITH added AS (
    INSERT INTO segments_audiencemember (audience_id, customer_id)
    SELECT DISTINCT %(audience)s::bigint, c.id
    FROM segments_sent s JOIN accounts_customer c USING (customer_id)
    WHERE NOT EXISTS (
        SELECT FROM segments_audiencemember m WHERE m.audience_id = %(audience)s AND m.customer_id = c.id
    )
    ORDER BY c.id
    ON CONFLICT DO NOTHING
    RETURNING 1
), counted AS (
    SELECT count(*) AS added FROM added
)
UPDATE segments_audience SET size = size + added, version = COALESCE(%(version)s, version), updated_at = now()
FROM counted
WHERE id = %(audience)s
RETURNING size, added, 0 AS removed
