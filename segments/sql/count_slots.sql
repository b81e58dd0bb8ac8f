-- Count the customers of an audience by used slots. Looks up each customer, so other customers cost nothing.
-- Upholds no constraint; writes nothing.
SELECT looked_up.used, count(*) AS customers
FROM (
    SELECT coalesce((SELECT c.used FROM segments_customerslots c WHERE c.customer_id = m.customer_id), 0) AS used
    FROM segments_audiencemember m
    WHERE m.audience_id = %(audience)s
) AS looked_up
GROUP BY 1
