-- Assign an available code of the batch to each customer, as far as there are any. The customers must have none yet.
-- Upholds promotions_one_code_per_customer_of_batch; skips codes that a concurrent assignment has locked.
WITH customers AS (
    SELECT customer, row_number() OVER (ORDER BY customer) AS number
    FROM unnest(%(customers)s::bigint[]) AS ids (customer)
), available AS (
    SELECT text FROM promotions_code c
    WHERE batch_id = %(batch)s AND customer_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM promotions_promotionuse u WHERE u.code = c.text AND NOT u.code = '')
    ORDER BY text
    LIMIT %(limit)s
    FOR NO KEY UPDATE OF c SKIP LOCKED
), numbered AS (
    SELECT text, row_number() OVER (ORDER BY text) AS number FROM available
)
UPDATE promotions_code SET customer_id = customers.customer
FROM numbered JOIN customers USING (number)
WHERE promotions_code.text = numbered.text
