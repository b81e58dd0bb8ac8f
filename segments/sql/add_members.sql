-- Adds customers to an audience, creating those that the platform has never seen; those already in stay.
-- Upholds segments_audiencemember_pkey.
WITH known AS (
    INSERT INTO accounts_customer (customer_id)
    SELECT unnest(%(ids)s::text[])
    ON CONFLICT (customer_id) DO NOTHING
    RETURNING id
), members AS (
    SELECT id FROM known
    UNION
    SELECT id FROM accounts_customer WHERE customer_id = ANY(%(ids)s::text[])
)
INSERT INTO segments_audiencemember (audience_id, customer_id)
SELECT %(audience)s, id FROM members ORDER BY id
ON CONFLICT DO NOTHING
