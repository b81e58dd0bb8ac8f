-- Create the staged customers of a chunk that don't exist yet, in one order, so that two imports never deadlock.
-- Upholds accounts_customer_customer_id_key.
INSERT INTO accounts_customer (customer_id)
SELECT DISTINCT s.customer_id
FROM segments_sent s
WHERE s.ctid >= %(first)s::tid AND s.ctid < %(end)s::tid
    AND NOT EXISTS (SELECT FROM accounts_customer c WHERE c.customer_id = s.customer_id)
ORDER BY s.customer_id
ON CONFLICT DO NOTHING
