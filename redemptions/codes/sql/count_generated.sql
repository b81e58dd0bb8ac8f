-- Store the number of generated codes of a batch, and finish it with the last one, with the event of its codes.
-- Upholds promotions_batch_made and redemptions_event_pkey.
WITH counted AS (
    UPDATE promotions_codebatch SET made = %(made)s, finished_at = CASE WHEN %(made)s = count THEN statement_timestamp() END
    WHERE id = %(batch)s
    RETURNING id, kind, brand_id, offer, count, finished_at
)
INSERT INTO redemptions_event (type, created_at, brand_id, kind, offer_id, data)
SELECT 'code.issued', finished_at, brand_id, kind, offer, jsonb_build_object('batch', id, 'count', count)
FROM counted
WHERE finished_at IS NOT NULL
