-- Confirm the reservations of a redemption at the time of the confirmation, and insert the usage notifications of the brands.
-- Upholds discounts_usage_once_per_shopper: confirms only what this redemption still reserves.
WITH confirmed AS (
    UPDATE discounts_usage SET reserved_until = NULL, used_at = %(at)s
    WHERE code_id = ANY(%(codes)s::bigint[]) AND customer_id = %(customer)s AND redemption_id = %(redemption)s
        AND reserved_until > %(at)s
    RETURNING code_id, used_at, currency, amount, discount_amount
), notified AS (
    INSERT INTO discounts_usenotice (brand_id, code, used_at, currency, amount, discount_amount)
    SELECT c.brand_id, c.code, u.used_at, u.currency, u.amount, u.discount_amount
    FROM confirmed u JOIN discounts_discountcode c ON c.id = u.code_id
)
SELECT count(*) AS confirmed FROM confirmed
