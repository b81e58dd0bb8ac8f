-- Set the subtotal and the discounts of an order's confirmed redemptions, which stay used.
-- Upholds discounts_usage_amounts and discounts_usage_once_per_shopper: only rows of this redemption are changed.
UPDATE discounts_usage u SET amount = %(amount)s, discount_amount = r.discount
FROM unnest(%(codes)s::bigint[], %(discounts)s::bigint[]) AS r (code, discount)
WHERE u.code_id = r.code AND u.customer_id = ANY(%(customers)s::bigint[]) AND u.redemption_id = %(redemption)s AND u.reserved_until IS NULL
