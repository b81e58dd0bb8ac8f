-- Takes the customers that were sent out of an audience, and counts; the caller holds the audience's lock.
-- Upholds segments_audience_size.
WITH removed AS (
    DELETE FROM segments_audiencemember m
    USING (SELECT DISTINCT c.id FROM segments_sent s JOIN accounts_customer c USING (customer_id)) AS named
    WHERE m.audience_id = %(audience)s AND m.customer_id = named.id
    RETURNING 1
), counted AS (
    SELECT count(*) AS removed FROM removed
)
UPDATE segments_audience SET size = size - removed, version = COALESCE(%(version)s, version), updated_at = now()
FROM counted
WHERE id = %(audience)s
RETURNING size, 0 AS added, removed
