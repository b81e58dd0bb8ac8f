-- Put a customer in the place of another one in the imported audiences of a brand.
-- Upholds segments_audiencemember_pkey and segments_audience_size.
WITH audience AS MATERIALIZED (
    SELECT a.id FROM segments_audience a
    WHERE a.brand_id = %(brand)s AND a.source = 'sent'
        AND EXISTS (SELECT FROM segments_audiencemember m WHERE m.audience_id = a.id AND m.customer_id = %(source)s)
    ORDER BY a.id
    FOR UPDATE
), removed AS (
    DELETE FROM segments_audiencemember m USING audience
    WHERE m.audience_id = audience.id AND m.customer_id = %(source)s
    RETURNING m.audience_id
), added AS (
    INSERT INTO segments_audiencemember (audience_id, customer_id)
    SELECT audience_id, %(target)s FROM removed ORDER BY audience_id
    ON CONFLICT DO NOTHING
    RETURNING audience_id
)
UPDATE segments_audience a SET size = a.size - 1, updated_at = now()
FROM removed
WHERE a.id = removed.audience_id AND a.id NOT IN (SELECT audience_id FROM added)
