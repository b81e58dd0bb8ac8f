-- Confirm the reservations of a redemption at the time of the confirmation.
-- Upholds discounts_usage_once_per_shopper: confirms only what this redemption still reserves.
WITH confirmed AS (
    UPDATE discounts_usage SET reserved_until = NULL, used_at = %(at)s
    WHERE code_id = ANY(%(codes)s::bigint[]) AND customer_id = ANY(%(customers)s::bigint[]) AND redemption_id = %(redemption)s
        AND reserved_until > %(at)s
    RETURNING code_id
)
SELECT count(*) AS confirmed FROM confirmed
