-- Remove customers from the imported audiences of a brand, or of all brands.
-- Upholds segments_audience_size.
WITH audience AS MATERIALIZED (
    SELECT a.id FROM segments_audience a
    WHERE a.source = 'sent' AND (%(brand)s::uuid IS NULL OR a.brand_id = %(brand)s::uuid)
        AND EXISTS (
            SELECT FROM segments_audiencemember m
            WHERE m.audience_id = a.id AND m.customer_id = ANY(%(customers)s::bigint[])
        )
    ORDER BY a.id
    FOR UPDATE
), removed AS (
    DELETE FROM segments_audiencemember m USING audience
    WHERE m.audience_id = audience.id AND m.customer_id = ANY(%(customers)s::bigint[])
    RETURNING m.audience_id
), counted AS (
    SELECT audience_id, count(*) AS n FROM removed GROUP BY audience_id
)
UPDATE segments_audience a SET size = a.size - counted.n, updated_at = now()
FROM counted
WHERE a.id = counted.audience_id
