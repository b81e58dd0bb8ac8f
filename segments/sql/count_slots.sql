-- How many customers of an audience use how many slots.
-- Upholds no constraint: it writes nothing.
SELECT coalesce(c.used, 0) AS used, count(*) AS customers
FROM segments_audiencemember m
LEFT JOIN segments_customerslots c ON c.customer_id = m.customer_id
WHERE m.audience_id = %(audience)s
GROUP BY 1
