-- Holds one use of each code for a redemption, sorted by code; answers each code's state and whether it is held now.
-- Upholds discounts_usage_once_per_shopper; an expired hold of the same shopper gives way at once.
WITH wanted AS (
    SELECT c.id, c.is_active, c.validity, w.usage_id, w.discount
    FROM unnest(%(codes)s::bigint[], %(ids)s::uuid[], %(discounts)s::bigint[]) AS w (code_id, usage_id, discount)
    JOIN discounts_discountcode c ON c.id = w.code_id
), held AS (
    INSERT INTO discounts_usage AS u
        (code_id, customer_id, id, used_at, reserved_until, redemption_id, currency, amount, discount_amount)
    SELECT id, %(customer)s, usage_id, %(at)s, %(until)s, %(redemption)s, %(currency)s, %(amount)s, discount
    FROM wanted WHERE is_active AND validity > %(at)s
    ORDER BY id
    ON CONFLICT (code_id, customer_id) DO UPDATE
        SET id = excluded.id, used_at = excluded.used_at, reserved_until = excluded.reserved_until,
            redemption_id = excluded.redemption_id, currency = excluded.currency, amount = excluded.amount,
            discount_amount = excluded.discount_amount
        WHERE u.reserved_until <= excluded.used_at
    RETURNING u.code_id
)
SELECT wanted.id, wanted.is_active, wanted.validity, wanted.id IN (SELECT code_id FROM held) AS held FROM wanted
