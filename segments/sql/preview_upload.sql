-- Who was sent: how many, how many of them nobody has seen before, and how many are in the audience already.
-- Upholds no constraint: it writes nothing.
SELECT count(*) AS named, count(*) FILTER (WHERE c.id IS NULL) AS unknown, count(m.customer_id) AS members
FROM (SELECT DISTINCT customer_id FROM segments_sent) AS sent
LEFT JOIN accounts_customer c USING (customer_id)
LEFT JOIN segments_audiencemember m ON m.audience_id = %(audience)s AND m.customer_id = c.id
