-- Revoke the next codes of a batch after a text, in order so that tasks never deadlock. Return how many and the last text.
-- Upholds promotions_one_code_per_customer_of_batch: the customer of a revoked code can get another one.
WITH page AS MATERIALIZED ( -- once: a subquery with LIMIT can run for each row of a join
    SELECT id, text FROM promotions_code
    WHERE batch_id = %(batch)s AND text > %(after)s
    ORDER BY text
    LIMIT %(limit)s
    FOR NO KEY UPDATE
), changed AS (
    UPDATE promotions_code SET revoked_at = %(at)s FROM page
    WHERE promotions_code.id = page.id AND revoked_at IS NULL AND archived_at IS NULL
    RETURNING promotions_code.id
)
SELECT (SELECT count(*) FROM page) AS codes, (SELECT max(text) FROM page) AS last, (SELECT count(*) FROM changed) AS revoked
