-- Insert an offer's codes into a batch, in order so that imports never deadlock, and return the codes that were new.
-- Upholds redemptions_code_once_per_brand, redemptions_code_once_per_offer and promotions_one_code_per_customer_of_batch.
INSERT INTO promotions_code (text, kind, brand_id, offer, batch_id, single_use, customer_id, expires_at, balance)
SELECT text, %(kind)s, %(brand)s, %(offer)s, %(batch)s, true, customer, expires_at, balance
FROM unnest(%(texts)s::text[], %(customers)s::bigint[], %(ends)s::timestamptz[], %(balances)s::bigint[])
    AS sent (text, customer, expires_at, balance) ORDER BY text COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING canonical
