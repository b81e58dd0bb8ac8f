-- Return the live promotions that a customer could use automatically or by an assigned code, newest first.
-- Upholds no constraint: it writes nothing.
SELECT p.id, p.name, p.offer::text AS offer, p.priority, p.start_date, p.currency, p.budget, p.other_budgets, p.max_per_order, p.max_per_customer, p.limit_total, p.limit_strategy, p.limit_per_user,
    p.limit_per_day, p.limit_per_week, p.limit_per_month, p.limit_units, coalesce(c.text, '') AS code, b.id AS brand_id, b.slug AS brand,
    b.timezone, extract(epoch FROM p.created_at)::bigint AS age
FROM promotions_promotion p
JOIN accounts_brand b ON b.id = p.brand_id
LEFT JOIN promotions_code c ON c.customer_id = %(customer)s AND c.offer = p.id AND p.trigger = 'code' AND c.archived_at IS NULL
    AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > %(at)s)
    AND NOT EXISTS (SELECT 1 FROM promotions_promotionuse u WHERE u.promotion_id = p.id AND u.code = c.text AND NOT u.code = ''
        AND (u.held_until IS NULL OR u.held_until > %(at)s))
WHERE p.decision = 'published' AND p.start_date <= %(at)s AND p.end_date > %(at)s AND b.is_active
    AND (%(any_brand)s OR b.slug = ANY(%(brands)s::varchar[]))
    AND (p.trigger = 'automatic' OR c.text IS NOT NULL)
    AND (p.target_audience = '' OR EXISTS (
        SELECT 1 FROM segments_segment s JOIN segments_segmentmember m ON m.segment_id = s.id
        WHERE s.promotion_id = p.id AND s.deleted_at IS NULL AND s.state = 'active' AND m.customer_id = %(customer)s
    ))
ORDER BY p.id DESC
LIMIT %(limit)s
