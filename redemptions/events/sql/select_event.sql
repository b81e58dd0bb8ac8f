-- Select an event by its ID, if it is of one of the brands.
-- Upholds no constraint; writes nothing.
SELECT e.id, e.tx, e.type, e.created_at, e.brand_id, e.kind, e.offer_id, e.code, e.customer_id AS customer_key, e."order",
    e.redemption_id, e.amount, e.subtotal, e.currency, e.reason, e.data, b.slug AS brand, c.customer_id AS customer
FROM redemptions_event e
JOIN accounts_brand b ON b.id = e.brand_id
LEFT JOIN accounts_customer c ON c.id = e.customer_id
WHERE e.id = %(id)s AND (%(brands)s::uuid[] IS NULL OR e.brand_id = ANY(%(brands)s::uuid[]))
