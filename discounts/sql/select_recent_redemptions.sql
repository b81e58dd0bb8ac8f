-- Select the newest redemptions of some brands' codes: the newest of each code by index, then the newest of these.
-- Upholds no constraint; writes nothing.
SELECT u.id, u.code_id, c.code AS text, b.name AS brand, b.timezone, cu.customer_id AS customer,
    u.used_at, u.reserved_until, u.redemption_id, u.currency, u.amount, u.discount_amount
FROM discounts_discountcode c
JOIN accounts_brand b ON b.id = c.brand_id
CROSS JOIN LATERAL (
    SELECT * FROM discounts_usage
    WHERE code_id = c.id
        AND (%(customer)s::bigint IS NULL OR customer_id = %(customer)s)
        AND (%(before)s::uuid IS NULL OR id < %(before)s)
        AND (%(min_id)s::uuid IS NULL OR id >= %(min_id)s)
        AND (%(since)s::timestamptz IS NULL OR used_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR used_at < %(until)s)
    ORDER BY id DESC LIMIT %(limit)s
) u
JOIN accounts_customer cu ON cu.id = u.customer_id
WHERE c.brand_id = ANY(%(brands)s::uuid[]) AND (%(code)s::bigint IS NULL OR c.id = %(code)s)
ORDER BY u.id DESC LIMIT %(limit)s
