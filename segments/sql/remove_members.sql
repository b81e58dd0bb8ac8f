-- Remove the staged customers from an audience, and count them. The caller locks the audience.
-- Upholds segments_audience_size.
WITH removed AS (
    DELETE FROM segments_audiencemember m
    USING (SELECT DISTINCT c.id FROM segments_sent s JOIN accounts_customer c USING (customer_id)) AS staged
    WHERE m.audience_id = %(audience)s AND m.customer_id = staged.id
    RETURNING 1
), counted AS (
    SELECT count(*) AS removed FROM removed
)
UPDATE segments_audience SET size = size - removed, version = COALESCE(%(version)s, version), updated_at = now()
FROM counted
WHERE id = %(audience)s
RETURNING size, 0 AS added, removed
