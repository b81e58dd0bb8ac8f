-- Store when the totals of evaluated customers are due next.
-- Upholds checkout_purchasesum_pkey. The caller holds the lock on totals, so no other transaction changes them.
UPDATE checkout_purchasesum p
SET due_at = s.due_at
FROM unnest(%(brands)s::uuid[], %(customers)s::bigint[], %(due)s::timestamptz[]) AS s (brand_id, customer_id, due_at)
WHERE p.brand_id = s.brand_id AND p.customer_id = s.customer_id
