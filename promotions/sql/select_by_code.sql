-- Return the promotions of the codes and whether this customer may use them. One index probe for each code.
-- Upholds no constraint: it writes nothing; the counters and promotions_code_used_once decide.
SELECT p.id, p.name, p.offer::text AS offer, p.priority, p.start_date, p.end_date, p.currency, p.budget, p.other_budgets, p.max_per_order, p.max_per_customer, p.limit_total, p.limit_strategy,
    p.limit_per_user, p.limit_per_day, p.limit_per_week, p.limit_per_month, p.limit_units,
    offer_status(p.decision, p.start_date, p.end_date, %(at)s) AS status, c.text AS code,
    b.id AS brand_id, b.slug AS brand, b.timezone, b.is_active AS brand_is_active,
    extract(epoch FROM p.created_at)::bigint AS age,
    u.id IS NOT NULL AND (u.held_until IS NULL OR u.held_until > %(at)s) AS is_used,
    p.target_audience = '' OR (b.slug = %(shop)s AND p.target_audience = ANY(%(segments)s::varchar[])) OR EXISTS (
        SELECT 1 FROM segments_segment s JOIN segments_segmentmember m ON m.segment_id = s.id
        WHERE s.promotion_id = p.id AND s.deleted_at IS NULL AND s.state = 'active' AND m.customer_id = %(customer)s
    ) AS is_member
FROM promotions_code c
JOIN promotions_promotion p ON p.id = c.offer
JOIN accounts_brand b ON b.id = p.brand_id
LEFT JOIN promotions_promotionuse u ON u.promotion_id = p.id AND u.code = c.text AND u.code <> ''
WHERE c.id = ANY(%(codes)s::bigint[])
