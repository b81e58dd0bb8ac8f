-- Which of the given redemptions' uses stand, and whether each is final: one probe of the key each.
-- Upholds no constraint: it writes nothing.
SELECT u.redemption_id, u.code_id, u.reserved_until IS NULL AS is_final
FROM unnest(%(redemptions)s::uuid[], %(codes)s::bigint[], %(customers)s::bigint[]) AS w (redemption_id, code_id, customer_id)
JOIN discounts_usage u USING (code_id, customer_id, redemption_id)
