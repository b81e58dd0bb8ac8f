-- Lock up to N of the codes, in order, and return them. Codes that were assigned, revoked or locked meanwhile are skipped.
-- Upholds promotions_one_code_per_customer_of_batch.
SELECT text FROM promotions_code
WHERE batch_id = %(batch)s AND text = ANY(%(codes)s::varchar[]) AND customer_id IS NULL AND archived_at IS NULL AND revoked_at IS NULL
ORDER BY text
LIMIT %(limit)s
FOR NO KEY UPDATE SKIP LOCKED
