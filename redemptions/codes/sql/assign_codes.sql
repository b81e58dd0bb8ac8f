-- Assign codes to customers, the first to the first. The codes are locked, and the customers have none of the batch.
-- Upholds promotions_one_code_per_customer_of_batch.
UPDATE promotions_code SET customer_id = assigned.customer
FROM unnest(%(codes)s::varchar[], %(customers)s::bigint[]) AS assigned (code, customer)
WHERE promotions_code.text = assigned.code
