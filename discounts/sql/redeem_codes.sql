-- Looks codes up and, for each ask that may have its code, takes the shopper's one use and queues the brand's notice, all in one statement.
-- Upholds discounts_usage_once_per_shopper: the first of several asks has it; an expired reservation of the same shopper gives way at once; an ask sent again (the same id) has what it had.
WITH ask AS (
    SELECT * FROM unnest(
        %(codes)s::text[], %(customers)s::bigint[], %(ids)s::uuid[], %(ats)s::timestamptz[], %(amounts)s::bigint[], %(currencies)s::text[]
    ) WITH ORDINALITY AS ask (code, customer_id, id, at, amount, currency, number)
), judged AS (
    SELECT ask.*, c.id AS code_id, c.code AS text, c.brand_id, c.is_active, c.validity, r.discount, r.terms <> '{}'::jsonb AS has_terms,
        r.audience = '' OR EXISTS (
            SELECT 1 FROM segments_audience a JOIN segments_audiencemember m ON m.audience_id = a.id
            WHERE a.brand_id = c.brand_id AND a.segment_type = r.audience AND m.customer_id = ask.customer_id
        ) AS is_member,
        coalesce(u.is_active, false) AS caller_active,
        -- half up, once, in whole minor units
        (ask.amount * r.discount + 50) / 100 AS percentage
    FROM ask
    LEFT JOIN discounts_discountcode c ON c.code = ask.code
    LEFT JOIN discounts_discountrule r ON r.id = c.rule_id
    LEFT JOIN accounts_customer cu ON cu.id = ask.customer_id
    LEFT JOIN accounts_user u ON u.id = cu.user_id
), first AS (
    SELECT DISTINCT ON (code_id, customer_id) * FROM judged
    WHERE is_active AND validity > at AND is_member AND caller_active AND NOT has_terms
    ORDER BY code_id, customer_id, number
), taken AS (
    INSERT INTO discounts_usage AS u (code_id, customer_id, id, used_at, currency, amount, discount_amount)
    SELECT code_id, customer_id, id, at, currency, amount, percentage FROM first ORDER BY code_id, customer_id
    ON CONFLICT (code_id, customer_id) DO UPDATE
        SET id = excluded.id, used_at = excluded.used_at, reserved_until = NULL, redemption_id = NULL,
            currency = excluded.currency, amount = excluded.amount, discount_amount = excluded.discount_amount
        WHERE u.reserved_until <= excluded.used_at OR u.id = excluded.id
    RETURNING u.code_id, u.customer_id, u.id, u.used_at, u.discount_amount
), told AS (
    INSERT INTO discounts_usenotice (brand_id, code, used_at, currency, amount, discount_amount)
    SELECT first.brand_id, first.text, taken.used_at, first.currency, first.amount, taken.discount_amount
    FROM taken JOIN first USING (id)
    WHERE NOT EXISTS ( -- told when it was asked for the first time
        SELECT 1 FROM discounts_usage u
        WHERE u.code_id = taken.code_id AND u.customer_id = taken.customer_id AND u.id = taken.id
    )
)
SELECT judged.text, judged.is_active, judged.validity, judged.discount, judged.has_terms, judged.is_member, judged.caller_active,
    taken.id, taken.used_at, taken.discount_amount
FROM judged LEFT JOIN taken USING (id)
ORDER BY judged.number
