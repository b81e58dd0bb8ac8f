-- Lock up to N of the codes, in order, and return them. Codes that were assigned or locked meanwhile are skipped.
-- Upholds promotions_one_code_per_customer_of_batch.
SELECT text FROM promotions_code
WHERE text = ANY(%(codes)s::varchar[]) AND customer_id IS NULL
ORDER BY text
LIMIT %(limit)s
FOR NO KEY UPDATE SKIP LOCKED
