-- Count the staged customers: all, those that don't exist yet, and those in the audience.
-- Upholds no constraint; writes nothing.
SELECT count(*) AS named, count(*) FILTER (WHERE c.id IS NULL) AS unknown, count(m.customer_id) AS members
FROM (SELECT DISTINCT customer_id FROM segments_sent) AS staged
LEFT JOIN accounts_customer c USING (customer_id)
LEFT JOIN segments_audiencemember m ON m.audience_id = %(audience)s AND m.customer_id = c.id
