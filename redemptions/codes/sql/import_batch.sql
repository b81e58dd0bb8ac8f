-- Insert an offer's codes into a batch, in order so that imports never deadlock, and return the codes that were new.
-- Upholds promotions_code_pkey and promotions_one_code_per_customer_of_batch.
INSERT INTO promotions_code (text, digest, kind, brand_id, offer, batch_id, single_use, customer_id)
SELECT text, sha256(convert_to(text, 'UTF8')), %(kind)s, %(brand)s, %(offer)s, %(batch)s, true, customer
FROM unnest(%(texts)s::text[], %(customers)s::bigint[]) AS sent (text, customer) ORDER BY text COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING text
