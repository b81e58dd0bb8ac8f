-- Make the redemptions of a brand's codes by a customer, alone or of the given orders, those of another one, who has none of the code.
-- Upholds discounts_usage_once_per_shopper. Of a code that both have redeemed, each keeps the own row: it stays used until both are returned.
WITH moved AS (
    UPDATE discounts_usage u SET customer_id = %(target)s
    FROM discounts_discountcode c
    WHERE u.code_id = c.id AND c.brand_id = %(brand)s AND u.customer_id = %(source)s
        AND (u.redemption_id IS NULL OR u.redemption_id = ANY(%(orders)s::uuid[]))
        AND NOT EXISTS (SELECT FROM discounts_usage o WHERE o.code_id = u.code_id AND o.customer_id = %(target)s)
    RETURNING u.id, c.offer_id, u.redemption_id
)
SELECT id, offer_id FROM moved WHERE redemption_id IS NULL
