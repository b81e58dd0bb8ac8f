-- Select the rows of redemptions by key, and whether each is confirmed.
-- Upholds no constraint; writes nothing.
SELECT u.redemption_id, u.code_id, u.reserved_until IS NULL AS is_confirmed, u.returned_amount
FROM unnest(%(redemptions)s::uuid[], %(codes)s::bigint[], %(customers)s::bigint[]) AS w (redemption_id, code_id, customer_id)
JOIN discounts_usage u USING (code_id, customer_id, redemption_id)
