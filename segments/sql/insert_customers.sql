-- Makes those customers known that were sent and that the platform has never seen; in order, so that two who send the same never deadlock.
-- Upholds accounts_customer_customer_id_key, over one stretch of what was sent.
INSERT INTO accounts_customer (customer_id)
SELECT DISTINCT s.customer_id
FROM segments_sent s
WHERE s.ctid >= %(first)s::tid AND s.ctid < %(end)s::tid
    AND NOT EXISTS (SELECT FROM accounts_customer c WHERE c.customer_id = s.customer_id)
ORDER BY s.customer_id
ON CONFLICT DO NOTHING
