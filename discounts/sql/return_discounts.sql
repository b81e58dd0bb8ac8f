-- Return parts of the discounts of an order's confirmed redemptions, which stay used.
-- Upholds discounts_usage_once_per_shopper: only rows of this redemption are changed.
UPDATE discounts_usage u SET returned_amount = u.returned_amount + r.amount
FROM unnest(%(codes)s::bigint[], %(amounts)s::bigint[]) AS r (code, amount)
WHERE u.code_id = r.code AND u.customer_id = ANY(%(customers)s::bigint[]) AND u.redemption_id = %(redemption)s AND u.reserved_until IS NULL
