-- Gives each of the customers, who have no code of the batch, a free one, as far as there are any.
-- Upholds promotions_one_code_per_customer_of_batch; codes that another assigner is about to give are passed over.
WITH wanting AS (
    SELECT customer, row_number() OVER (ORDER BY customer) AS place
    FROM unnest(%(customers)s::bigint[]) AS asked (customer)
), free AS (
    SELECT text FROM promotions_code c
    WHERE batch_id = %(batch)s AND customer_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM promotions_promotionuse u WHERE u.code = c.text AND NOT u.code = '')
    ORDER BY text
    LIMIT %(limit)s
    FOR NO KEY UPDATE OF c SKIP LOCKED
), given AS (
    SELECT text, row_number() OVER (ORDER BY text) AS place FROM free
)
UPDATE promotions_code SET customer_id = wanting.customer
FROM given JOIN wanting USING (place)
WHERE promotions_code.text = given.text
