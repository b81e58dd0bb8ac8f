-- Return the next codes of a batch, each with its customer and its end.
-- Upholds no constraint: it writes nothing.
SELECT c.text, c.expires_at, coalesce(c.revoked_at, c.archived_at) AS revoked_at, k.customer_id AS customer
FROM promotions_code c
LEFT JOIN accounts_customer k ON k.id = c.customer_id
WHERE c.batch_id = %(batch)s AND c.text > %(after)s
ORDER BY c.text
LIMIT %(limit)s
