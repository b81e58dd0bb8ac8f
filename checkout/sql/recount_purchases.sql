-- Return the purchase totals that differ from the confirmed orders, except those with a dirty marker.
-- Upholds no constraint; writes nothing.
WITH bought AS (
    SELECT brand_id, customer_id, id, currency, total - returned_total AS total, coalesce(confirmed_at, created_at) AS at
    FROM checkout_redemption
    WHERE status IN ('confirmed', 'partially_returned') AND confirmed_by <> 'shopper' AND brand_id IS NOT NULL
    UNION ALL
    SELECT DISTINCT i.brand_id, r.customer_id, r.id, r.currency, r.total - r.returned_total, coalesce(r.confirmed_at, r.created_at)
    FROM checkout_redemption r
    JOIN checkout_redemptionitem i ON i.redemption_id = r.id
    WHERE r.status IN ('confirmed', 'partially_returned') AND r.confirmed_by <> 'shopper' AND r.brand_id IS NULL
), counted AS (
    SELECT o.brand_id, o.customer_id, count(*) AS orders, max(o.total) FILTER (WHERE o.currency = b.currency) AS largest,
        min(o.at) AS first_at, max(o.at) AS last_at
    FROM bought o
    JOIN accounts_brand b ON b.id = o.brand_id
    GROUP BY o.brand_id, o.customer_id
), different AS (
    SELECT brand_id, customer_id, coalesce(p.orders, 0) AS stored, coalesce(c.orders, 0) AS counted
    FROM checkout_purchasesum p
    FULL JOIN counted c USING (brand_id, customer_id)
    WHERE (coalesce(p.orders, 0), p.largest, p.first_at, p.last_at)
        IS DISTINCT FROM (coalesce(c.orders, 0), c.largest, c.first_at, c.last_at)
)
SELECT d.brand_id, d.customer_id, d.stored, d.counted
FROM different d
WHERE NOT EXISTS (
    SELECT FROM checkout_purchasenote n WHERE (n.brand_id, n.customer_id) = (d.brand_id, d.customer_id)
)
ORDER BY d.brand_id, d.customer_id
LIMIT 1000
