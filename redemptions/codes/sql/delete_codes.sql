-- Delete up to N codes of the batches of an offer that was deleted as a draft, in order so that tasks never deadlock.
-- Upholds no constraint: nobody could redeem a code of a draft.
WITH due AS MATERIALIZED ( -- once: a subquery with LIMIT can run for each row of a join
    SELECT c.id FROM promotions_codebatch b
    JOIN promotions_code c ON c.batch_id = b.id
    WHERE b.offer = %(offer)s
    ORDER BY c.id
    LIMIT %(limit)s
    FOR UPDATE OF c SKIP LOCKED
)
DELETE FROM promotions_code USING due WHERE promotions_code.id = due.id
