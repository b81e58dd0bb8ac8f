-- Select discount codes by their generic and single-use codes, with their rules, and whether the customer has redeemed them and is in their audience.
-- Upholds no constraint; writes nothing.
SELECT c.id, k.text AS code, c.code AS generic_code, c.offer_id, offer_status(c.decision, c.start_date, c.validity, %(at)s) AS status, c.created_at, r.id AS rule_id, r.name, r.discount, r.terms, r.offer,
    b.id AS brand_id, b.slug AS brand, b.timezone, c.currency, b.is_active AS brand_is_active,
    c.limit_total, c.limit_strategy, c.budget, c.other_budgets, c.max_per_order, c.max_per_customer, c.limit_per_day, c.limit_per_week, c.limit_per_month, c.limit_units,
    u.code_id IS NOT NULL OR EXISTS (
        SELECT 1 FROM promotions_promotionuse p
        WHERE k.single_use AND p.promotion_id = k.offer AND p.code = k.text AND p.code <> '' AND (p.held_until IS NULL OR p.held_until > %(at)s)
    ) OR EXISTS ( -- a redemption of a customer who was merged into this one
        SELECT FROM accounts_customermerge m JOIN discounts_usage o ON o.code_id = c.id AND o.customer_id = m.source_id
        WHERE m.target_id = %(customer)s AND m.brand_id = c.brand_id AND (o.reserved_until IS NULL OR o.reserved_until > %(at)s)
    ) AS used,
    r.audience = '' OR (b.slug = %(shop)s AND r.audience = ANY(%(segments)s::varchar[])) OR EXISTS (
        SELECT 1 FROM segments_audience a JOIN segments_audiencemember m ON m.audience_id = a.id
        WHERE a.brand_id = c.brand_id AND a.segment_type = r.audience AND m.customer_id = %(customer)s
    ) AS is_member
FROM promotions_code k
JOIN discounts_discountcode c ON c.offer_id = k.offer
JOIN discounts_discountrule r ON r.id = c.rule_id
JOIN accounts_brand b ON b.id = c.brand_id
LEFT JOIN discounts_usage u ON u.code_id = c.id AND u.customer_id = %(customer)s
    AND (u.reserved_until IS NULL OR u.reserved_until > %(at)s)
WHERE k.id = ANY(%(codes)s::bigint[])
