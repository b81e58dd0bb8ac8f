-- Delete the oldest dirty markers, recalculate the totals of their customers, and make these due for evaluation.
-- Upholds checkout_purchasesum_pkey. One snapshot serves markers and orders, so a change is counted or stays marked.
WITH markers AS (
    DELETE FROM checkout_purchasenote
    WHERE id = ANY (ARRAY(SELECT id FROM checkout_purchasenote ORDER BY id LIMIT %(limit)s))
    RETURNING brand_id, customer_id
), changed AS (
    SELECT DISTINCT brand_id, customer_id FROM markers
), refreshed AS (
    INSERT INTO checkout_purchasesum AS p (brand_id, customer_id, orders, largest, first_at, last_at, due_at)
    SELECT c.brand_id, c.customer_id, s.orders, s.largest, s.first_at, s.last_at, %(at)s::timestamptz
    FROM changed c
    JOIN accounts_brand b ON b.id = c.brand_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS orders, max(r.total - r.returned_total) FILTER (WHERE r.currency = b.currency) AS largest,
            min(coalesce(r.confirmed_at, r.created_at)) AS first_at,
            max(coalesce(r.confirmed_at, r.created_at)) AS last_at
        FROM checkout_redemption r
        WHERE r.customer_id = c.customer_id AND r.status IN ('confirmed', 'partially_returned') AND r.confirmed_by <> 'shopper' AND (
            r.brand_id = c.brand_id OR r.brand_id IS NULL AND EXISTS (
                SELECT FROM checkout_redemptionitem i WHERE i.redemption_id = r.id AND i.brand_id = c.brand_id
            )
        )
    ) s
    ORDER BY c.brand_id, c.customer_id
    ON CONFLICT (brand_id, customer_id) DO UPDATE
        SET orders = excluded.orders, largest = excluded.largest, first_at = excluded.first_at,
            last_at = excluded.last_at, due_at = excluded.due_at
)
SELECT count(*) AS markers FROM markers
