-- Insert an offer's codes into a batch, in order so that imports never deadlock, and return the codes that were new.
-- Upholds promotions_code_pkey: a code belongs to one object.
INSERT INTO promotions_code (text, digest, kind, brand_id, offer, batch_id, single_use)
SELECT text, sha256(convert_to(text, 'UTF8')), %(kind)s, %(brand)s, %(offer)s, %(batch)s, true
FROM unnest(%(texts)s::text[]) AS sent (text) ORDER BY text COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING text
