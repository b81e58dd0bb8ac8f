-- Adds a brand's own codes to a batch, in order, so that importers never deadlock, and answers those that could be had.
-- Upholds promotions_code_pkey: a code means one thing.
INSERT INTO promotions_code (text, digest, kind, brand_id, promotion_id, batch_id, single_use)
SELECT text, sha256(convert_to(text, 'UTF8')), 'promotion', %(brand)s, %(promotion)s, %(batch)s, true
FROM unnest(%(texts)s::text[]) AS sent (text) ORDER BY text COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING text
