-- Archive up to N codes of an offer's batches, in order so that tasks never deadlock.
-- Upholds redemptions_code_once_per_brand: an archived code leaves its text to others.
UPDATE promotions_code SET archived_at = %(at)s
WHERE id IN (
    SELECT c.id FROM promotions_codebatch b
    JOIN promotions_code c ON c.batch_id = b.id
    WHERE b.offer = %(offer)s AND c.archived_at IS NULL
    ORDER BY c.id
    LIMIT %(limit)s
    FOR NO KEY UPDATE OF c SKIP LOCKED
)
