-- Return the live automatic promotions that a cart could satisfy, found by their match keys.
-- Upholds no constraint: it writes nothing; the engine evaluates the offers, the counters decide.
SELECT p.id, p.name, p.offer::text AS offer, p.priority, p.start_date, p.currency, p.budget, p.other_budgets, p.max_per_order, p.max_per_customer, p.limit_total, p.limit_strategy, p.limit_per_user,
    p.limit_per_day, p.limit_per_week, p.limit_per_month, p.limit_units, '' AS code, b.id AS brand_id, b.slug AS brand, b.timezone,
    extract(epoch FROM p.created_at)::bigint AS age
FROM promotions_promotion p
JOIN accounts_brand b ON b.id = p.brand_id
WHERE p.trigger = 'automatic' AND p.decision = 'published' AND p.gates && %(gates)s::varchar[]
    AND p.start_date <= %(at)s AND p.end_date > %(at)s AND b.is_active
    AND (p.min_subtotal IS NULL OR p.min_subtotal <= %(reach)s)
    AND (p.target_audience = '' OR (b.slug = %(shop)s AND p.target_audience = ANY(%(segments)s::varchar[])) OR EXISTS (
        SELECT 1 FROM segments_segment s JOIN segments_segmentmember m ON m.segment_id = s.id
        WHERE s.promotion_id = p.id AND s.deleted_at IS NULL AND s.state = 'active' AND m.customer_id = %(customer)s
    ))
