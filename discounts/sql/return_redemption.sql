-- Move a confirmed redemption that doesn't belong to an order to the returned redemptions, with its event. Returns its offer.
-- Upholds discounts_usage_once_per_shopper and discounts_usagereturn_pkey (a redemption is returned once).
-- Locks the code first, as a change of its limits does.
WITH locked AS MATERIALIZED (
    SELECT c.id, c.brand_id, c.offer_id, c.code FROM discounts_discountcode c
    JOIN discounts_usage u ON u.code_id = c.id
    WHERE c.brand_id = %(brand)s AND u.id = %(id)s
    FOR KEY SHARE OF c
), deleted AS (
    DELETE FROM discounts_usage u
    USING locked c
    WHERE u.code_id = c.id AND u.id = %(id)s AND u.reserved_until IS NULL AND u.redemption_id IS NULL
    RETURNING u.*, c.brand_id, c.offer_id, c.code, (
        SELECT nullif(p.code, '') FROM promotions_promotionuse p WHERE p.promotion_id = c.offer_id AND p.redemption_id = u.id
    ) AS single_use_code
), event AS (
    INSERT INTO redemptions_event
        (type, created_at, brand_id, kind, offer_id, code, customer_id, redemption_id, amount, subtotal, currency, data)
    SELECT 'redemption.returned', %(at)s, brand_id, 'discount_code', offer_id, coalesce(single_use_code, code), customer_id, id, discount_amount, amount,
        coalesce(currency, ''), jsonb_build_object('confirmed_at', used_at)
    FROM deleted
), returned AS (
    INSERT INTO discounts_usagereturn (usage_id, code_id, customer_id, used_at, returned_at, currency, amount, discount_amount, redemption_id)
    SELECT id, code_id, customer_id, used_at, %(at)s, currency, amount, discount_amount, redemption_id FROM deleted
)
SELECT offer_id FROM deleted
