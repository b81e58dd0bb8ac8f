-- Takes the named customers out of an audience.
-- Upholds segments_audiencemember_pkey.
DELETE FROM segments_audiencemember m
USING accounts_customer c
WHERE m.audience_id = %(audience)s AND c.id = m.customer_id AND c.customer_id = ANY(%(ids)s::text[])
