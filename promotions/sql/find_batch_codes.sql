-- Return the next codes of a batch, each with its customer and whether it was used.
-- Upholds no constraint: it writes nothing.
SELECT c.text, k.customer_id AS customer,
    CASE WHEN u.id IS NULL OR u.held_until <= %(at)s THEN 'free' WHEN u.held_until IS NULL THEN 'used' ELSE 'held' END
        AS state
FROM promotions_code c
LEFT JOIN accounts_customer k ON k.id = c.customer_id
LEFT JOIN promotions_promotionuse u ON u.code = c.text AND NOT u.code = ''
WHERE c.batch_id = %(batch)s AND c.text > %(after)s
ORDER BY c.text
LIMIT %(limit)s
