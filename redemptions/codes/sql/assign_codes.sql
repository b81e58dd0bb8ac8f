-- Assign codes to customers, the first to the first, with their events. The codes are locked, and the customers have none of the batch.
-- Upholds promotions_one_code_per_customer_of_batch.
WITH changed AS (
    UPDATE promotions_code SET customer_id = assigned.customer
    FROM unnest(%(codes)s::varchar[], %(customers)s::bigint[]) AS assigned (code, customer)
    WHERE promotions_code.batch_id = %(batch)s AND promotions_code.text = assigned.code
    RETURNING text, kind, brand_id, offer, batch_id, customer_id
)
INSERT INTO redemptions_event (type, created_at, brand_id, kind, offer_id, code, customer_id, data)
SELECT 'code.assigned', %(at)s, brand_id, kind, offer, text, customer_id, jsonb_build_object('batch', batch_id) FROM changed
