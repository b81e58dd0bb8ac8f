-- Assign a brand's codes of a customer to another one, who has none of the batch.
-- Upholds promotions_one_code_per_customer_of_batch.
UPDATE promotions_code c SET customer_id = %(target)s
WHERE c.customer_id = %(source)s AND c.brand_id = %(brand)s
    AND NOT EXISTS (SELECT FROM promotions_code o WHERE o.batch_id = c.batch_id AND o.customer_id = %(target)s)
