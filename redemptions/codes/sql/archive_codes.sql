-- Archive up to N codes of an offer's batches, in order so that tasks never deadlock.
-- Upholds redemptions_code_once_per_brand: an archived code leaves its text to others.
WITH due AS MATERIALIZED ( -- once: a subquery with LIMIT can run for each row of a join
    SELECT c.id FROM promotions_codebatch b
    JOIN promotions_code c ON c.batch_id = b.id
    WHERE b.offer = %(offer)s AND c.archived_at IS NULL
    ORDER BY c.id
    LIMIT %(limit)s
    FOR NO KEY UPDATE OF c SKIP LOCKED
)
UPDATE promotions_code SET archived_at = %(at)s FROM due WHERE promotions_code.id = due.id
