-- Looks a code up and, if the shopper may have it, takes their one use and queues the brand's notice, all in one statement.
-- Upholds discounts_usage_once_per_shopper; an expired reservation of the same shopper gives way at once.
WITH code AS (
    SELECT c.id, c.code AS text, c.brand_id, c.is_active, c.validity, r.discount, r.terms <> '{}'::jsonb AS has_terms, r.audience,
        r.audience = '' OR EXISTS (
            SELECT 1 FROM segments_audience a JOIN segments_audiencemember m ON m.audience_id = a.id
            WHERE a.brand_id = c.brand_id AND a.segment_type = r.audience AND m.customer_id = %(customer)s
        ) AS is_member,
        -- half up, once, in whole minor units
        (%(amount)s::bigint * r.discount + 50) / 100 AS percentage
    FROM discounts_discountcode c JOIN discounts_discountrule r ON r.id = c.rule_id
    WHERE c.code = %(code)s
), caller AS (
    SELECT u.is_active FROM accounts_customer cu JOIN accounts_user u ON u.id = cu.user_id WHERE cu.id = %(customer)s
), taken AS (
    INSERT INTO discounts_usage AS u (code_id, customer_id, id, used_at, currency, amount, discount_amount)
    SELECT code.id, %(customer)s, %(id)s, %(at)s, %(currency)s, %(amount)s::bigint, code.percentage
    FROM code, caller
    WHERE code.is_active AND code.validity > %(at)s AND code.is_member AND caller.is_active AND NOT code.has_terms
    ON CONFLICT (code_id, customer_id) DO UPDATE
        SET id = excluded.id, used_at = excluded.used_at, reserved_until = NULL, redemption_id = NULL,
            currency = excluded.currency, amount = excluded.amount, discount_amount = excluded.discount_amount
        WHERE u.reserved_until <= excluded.used_at
    RETURNING u.id, u.used_at, u.discount_amount
), told AS (
    INSERT INTO discounts_usenotice (brand_id, code, used_at, currency, amount, discount_amount)
    SELECT code.brand_id, code.text, taken.used_at, %(currency)s, %(amount)s::bigint, taken.discount_amount FROM code, taken
)
SELECT code.text, code.is_active, code.validity, code.discount, code.has_terms, code.is_member,
    coalesce((SELECT is_active FROM caller), false) AS caller_active, taken.id, taken.used_at, taken.discount_amount
FROM code LEFT JOIN taken ON true
