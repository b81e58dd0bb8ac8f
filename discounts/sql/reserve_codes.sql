-- Reserve one redemption of each code in key order, and return each code's status and whether it is reserved now.
-- Upholds redemptions_limit_within_cap: the limits of a code don't change while they are taken. Upholds discounts_usage_once_per_shopper; an expired reservation of the same customer is replaced.
WITH requested AS MATERIALIZED (
    SELECT c.id, offer_status(c.decision, c.start_date, c.validity, %(at)s) AS status, w.usage_id, w.discount, c.offer_id, c.brand_id, b.timezone,
        c.currency, c.budget, c.other_budgets, c.max_per_order, c.max_per_customer, c.limit_total, c.limit_strategy, c.limit_per_day, c.limit_per_week,
        c.limit_per_month, c.limit_units, EXISTS (SELECT 1 FROM promotions_codebatch WHERE promotions_codebatch.offer = c.offer_id) AS has_batches
    FROM unnest(%(codes)s::bigint[], %(ids)s::uuid[], %(discounts)s::bigint[]) AS w (code_id, usage_id, discount)
    JOIN discounts_discountcode c ON c.id = w.code_id
    JOIN accounts_brand b ON b.id = c.brand_id
    ORDER BY c.id
    FOR KEY SHARE OF c
), reserved AS (
    INSERT INTO discounts_usage AS u
        (code_id, customer_id, id, used_at, reserved_until, redemption_id, currency, amount, discount_amount)
    SELECT id, %(customer)s, usage_id, %(at)s, %(until)s, %(redemption)s, %(currency)s, %(amount)s, discount
    FROM requested r WHERE status = 'active' AND NOT EXISTS ( -- a redemption of a customer who was merged into this one
        SELECT FROM accounts_customermerge m JOIN discounts_usage o ON o.code_id = r.id AND o.customer_id = m.source_id
        WHERE m.target_id = %(customer)s AND m.brand_id = r.brand_id AND (o.reserved_until IS NULL OR o.reserved_until > %(at)s)
    )
    ORDER BY id
    ON CONFLICT (code_id, customer_id) DO UPDATE
        SET id = excluded.id, used_at = excluded.used_at, reserved_until = excluded.reserved_until,
            redemption_id = excluded.redemption_id, currency = excluded.currency, amount = excluded.amount,
            discount_amount = excluded.discount_amount
        WHERE u.reserved_until <= excluded.used_at
    RETURNING u.code_id
)
SELECT requested.*, requested.id IN (SELECT code_id FROM reserved) AS is_reserved
FROM requested
