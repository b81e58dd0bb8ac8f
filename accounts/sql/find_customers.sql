-- Return the customers with these IDs for brands, in order, and insert those that don't exist; a concurrent insert has to be read again.
-- Upholds accounts_customer_customer_id_key. A customer that the brand has merged into another is the other one.
WITH request AS (
    SELECT * FROM unnest(%(brands)s::uuid[], %(names)s::text[]) WITH ORDINALITY AS request (brand_id, customer_id, position)
), known AS (
    SELECT c.id, c.customer_id FROM accounts_customer c WHERE c.customer_id = ANY(%(names)s::text[])
), inserted AS (
    INSERT INTO accounts_customer (customer_id)
    SELECT DISTINCT customer_id FROM request WHERE customer_id NOT IN (SELECT customer_id FROM known)
    ORDER BY customer_id
    ON CONFLICT DO NOTHING
    RETURNING id, customer_id
)
SELECT coalesce(m.target_id, k.id, i.id) AS id, coalesce(t.customer_id, request.customer_id) AS customer_id
FROM request
LEFT JOIN known k ON k.customer_id = request.customer_id
LEFT JOIN inserted i ON i.customer_id = request.customer_id
LEFT JOIN accounts_customermerge m ON m.brand_id = request.brand_id AND m.source_id = k.id
LEFT JOIN accounts_customer t ON t.id = m.target_id
ORDER BY request.position
