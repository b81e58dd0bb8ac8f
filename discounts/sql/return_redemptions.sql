-- Move the confirmed redemptions of an order to the returned redemptions.
-- Upholds discounts_usage_once_per_shopper and discounts_usagereturn_pkey (a redemption is returned once).
WITH deleted AS (
    DELETE FROM discounts_usage
    WHERE code_id = ANY(%(codes)s::bigint[]) AND customer_id = ANY(%(customers)s::bigint[]) AND redemption_id = %(redemption)s
        AND reserved_until IS NULL
    RETURNING *
)
INSERT INTO discounts_usagereturn (usage_id, code_id, customer_id, used_at, returned_at, currency, amount, discount_amount, redemption_id)
SELECT id, code_id, customer_id, used_at, %(at)s, currency, amount, discount_amount, redemption_id FROM deleted
