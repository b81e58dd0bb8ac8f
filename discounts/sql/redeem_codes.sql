-- Look up the code of each request, insert the redemptions that are allowed, and their events. Codes with limits and single-use codes are left to a transaction that takes these.
-- Upholds redemptions_limit_within_cap: a code doesn't get limits while it is redeemed without. Upholds discounts_usage_once_per_shopper: the first of several requests wins, an expired reservation of the customer is replaced, and a retry (same id) gets its first result.
WITH request AS (
    SELECT * FROM unnest(
        %(codes)s::text[], %(brands)s::text[], %(customers)s::bigint[], %(ids)s::uuid[], %(ats)s::timestamptz[], %(amounts)s::bigint[],
        %(currencies)s::text[], %(have_users)s::boolean[]
    ) WITH ORDINALITY AS request (canonical, brand, customer_id, id, at, amount, currency, has_user, number)
), checked AS (
    SELECT request.*, offer_status(c.decision, c.start_date, c.validity, request.at) AS status, c.id AS code_id, c.text, c.brand_id, c.offer_id, r.discount,
        c.assigned, c.expires_at, c.revoked_at, c.single_use,
        (c.assigned IS NULL OR c.assigned = request.customer_id) AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > request.at) AS is_unrestricted,
        r.offer IS NOT NULL OR r.terms <> '{}'::jsonb OR num_nonnulls(c.budget, c.limit_units) > 0 OR '{}' <> ANY(ARRAY[c.other_budgets, c.max_per_order, c.max_per_customer]) AS needs_cart,
        c.single_use OR num_nonnulls(c.limit_total, c.limit_per_day, c.limit_per_week, c.limit_per_month) > 0 AS is_limited,
        r.audience = '' OR EXISTS (
            SELECT 1 FROM segments_audience a JOIN segments_audiencemember m ON m.audience_id = a.id
            WHERE a.brand_id = c.brand_id AND a.segment_type = r.audience AND m.customer_id = request.customer_id
        ) AS is_member,
        cu.id IS NOT NULL AND coalesce(u.is_active, NOT request.has_user) AS caller_active,
        -- rounded half up once, to whole minor units
        (request.amount * r.discount + 50) / 100 AS percentage
    FROM request
    LEFT JOIN LATERAL ( -- without a brand, the oldest code with this text
        SELECT k.text, k.customer_id AS assigned, k.expires_at, k.revoked_at, k.single_use, d.* FROM promotions_code k
        JOIN discounts_discountcode d ON d.offer_id = k.offer
        WHERE k.canonical = request.canonical AND k.archived_at IS NULL
            AND (request.brand IS NULL OR k.brand_id = (SELECT id FROM accounts_brand WHERE slug = request.brand))
        ORDER BY k.id
        LIMIT 1
    ) c ON true
    LEFT JOIN discounts_discountrule r ON r.id = c.rule_id
    LEFT JOIN accounts_customer cu ON cu.id = request.customer_id
    LEFT JOIN accounts_user u ON u.id = cu.user_id
), first AS (
    SELECT DISTINCT ON (code_id, customer_id) * FROM checked
    WHERE is_unrestricted AND status = 'active' AND is_member AND caller_active AND NOT needs_cart AND (NOT is_limited OR %(takes_limits)s)
        AND NOT EXISTS ( -- a redemption of a customer who was merged into this one
            SELECT FROM accounts_customermerge m JOIN discounts_usage o ON o.code_id = checked.code_id AND o.customer_id = m.source_id
            WHERE m.target_id = checked.customer_id AND m.brand_id = checked.brand_id
                AND (o.reserved_until IS NULL OR o.reserved_until > checked.at)
        )
    ORDER BY code_id, customer_id, number
), locked AS MATERIALIZED (
    SELECT id FROM discounts_discountcode
    WHERE id IN (SELECT code_id FROM first)
        AND (%(takes_limits)s OR num_nonnulls(limit_total, limit_per_day, limit_per_week, limit_per_month, limit_units, budget) = 0
            AND '{}' = ALL(ARRAY[other_budgets, max_per_order, max_per_customer]))
    ORDER BY id
    FOR KEY SHARE -- read again after a change of its limits
), redeemed AS (
    INSERT INTO discounts_usage AS u (code_id, customer_id, id, used_at, currency, amount, discount_amount)
    SELECT code_id, customer_id, id, at, currency, amount, percentage FROM first
    WHERE code_id IN (SELECT id FROM locked)
    ORDER BY code_id, customer_id
    ON CONFLICT (code_id, customer_id) DO UPDATE
        SET id = excluded.id, used_at = excluded.used_at, reserved_until = NULL, redemption_id = NULL,
            currency = excluded.currency, amount = excluded.amount, discount_amount = excluded.discount_amount
        WHERE u.reserved_until <= excluded.used_at OR u.id = excluded.id
    RETURNING u.code_id, u.customer_id, u.id, u.used_at, u.discount_amount
), new AS (
    SELECT redeemed.id, redeemed.customer_id, redeemed.used_at, redeemed.discount_amount, first.brand_id, first.offer_id, first.text,
        first.currency, first.amount
    FROM redeemed JOIN first USING (id)
    WHERE NOT EXISTS ( -- a retry has its event from its first request
        SELECT 1 FROM discounts_usage u
        WHERE u.code_id = redeemed.code_id AND u.customer_id = redeemed.customer_id AND u.id = redeemed.id
    )
), event AS (
    INSERT INTO redemptions_event
        (type, created_at, brand_id, kind, offer_id, code, customer_id, redemption_id, amount, subtotal, currency)
    SELECT 'redemption.confirmed', used_at, brand_id, 'discount_code', offer_id, text, customer_id, id, discount_amount, amount,
        coalesce(currency, '')
    FROM new
)
SELECT checked.text, checked.assigned, checked.expires_at, checked.revoked_at, checked.single_use, checked.brand_id, checked.offer_id, checked.status, checked.discount, checked.needs_cart, checked.is_member, checked.caller_active,
    checked.is_limited OR checked.id IN (SELECT id FROM first WHERE code_id NOT IN (SELECT id FROM locked)) AS is_limited, redeemed.id, redeemed.used_at, redeemed.discount_amount
FROM checked LEFT JOIN redeemed USING (id)
ORDER BY checked.number
