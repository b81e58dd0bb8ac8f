-- Delete the reservations of a redemption. Confirmed rows and those of other redemptions stay.
-- Upholds discounts_usage_once_per_shopper.
DELETE FROM discounts_usage
WHERE code_id = ANY(%(codes)s::bigint[]) AND customer_id = ANY(%(customers)s::bigint[]) AND redemption_id = %(redemption)s
    AND reserved_until IS NOT NULL
