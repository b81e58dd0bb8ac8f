-- Select the next events of a range of transactions that match a filter, in commit order. The caller bounds the range.
-- Upholds no constraint; writes nothing, and reads in the order of redemptions_event_pkey.
SELECT e.*, b.slug AS brand, c.customer_id AS customer
FROM (
    SELECT id, tx, type, created_at, brand_id, kind, offer_id, code, customer_id AS customer_key, "order", redemption_id,
        amount, subtotal, currency, reason, data
    FROM redemptions_event
    WHERE tx >= %(tx)s AND (tx, id) > (%(tx)s, %(id)s::uuid) AND tx < %(until)s
        AND (%(brands)s::uuid[] IS NULL OR brand_id = ANY(%(brands)s::uuid[]))
        AND (%(types)s::text[] IS NULL OR type LIKE ANY(%(types)s::text[]))
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(offer)s::uuid IS NULL OR offer_id = %(offer)s)
        AND (%(customer)s::bigint IS NULL OR customer_id = %(customer)s)
        AND (%(order)s::text IS NULL OR "order" = %(order)s AND "order" <> '')
        AND (%(codes)s::text[] IS NULL OR code = ANY(%(codes)s::text[]) AND code <> '')
    ORDER BY tx, id
    LIMIT %(limit)s
) e
JOIN accounts_brand b ON b.id = e.brand_id
LEFT JOIN accounts_customer c ON c.id = e.customer_key
ORDER BY e.tx, e.id
