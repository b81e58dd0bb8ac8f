-- Return a batch whose count differs from its number of codes.
-- Upholds no constraint: it writes nothing.
SELECT made, counted FROM (
    SELECT made, (SELECT count(*) FROM promotions_code c WHERE c.batch_id = b.id) AS counted
    FROM promotions_codebatch b WHERE id = %(batch)s
) AS batch
WHERE made <> counted
