-- Says of sums that the audiences have looked at when they have to do so next.
-- Upholds checkout_purchasesum_pkey; the caller is the only one who changes sums.
UPDATE checkout_purchasesum p
SET due_at = s.due_at
FROM unnest(%(brands)s::uuid[], %(customers)s::bigint[], %(due)s::timestamptz[]) AS s (brand_id, customer_id, due_at)
WHERE p.brand_id = s.brand_id AND p.customer_id = s.customer_id
