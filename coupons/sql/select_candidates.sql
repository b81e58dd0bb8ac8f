-- Select the coupons that the codes redeem, by their generic codes and by single-use codes.
-- Upholds no constraint; writes nothing.
SELECT c.text AS code, d.id, d.title, d.offer::text AS offer, d.start_date, d.end_date, d.limit_strategy AS strategy,
    d.maximum_number_of_coupons AS maximum, d.maximum_number_of_coupons_per_user AS maximum_per_user,
    offer_status(d.decision, d.start_date, d.end_date, %(at)s) AS status, b.is_active AS brand_is_active, extract(epoch FROM d.created_at)::bigint AS age,
    b.id AS brand_id, b.slug AS brand, b.timezone, d.currency,
    d.budget, d.other_budgets, d.max_per_order, d.max_per_customer, d.limit_per_day, d.limit_per_week, d.limit_per_month, d.limit_units,
    s.code IS NOT NULL AS is_spent
FROM promotions_code c
JOIN coupons_coupondefinition d ON d.id = c.offer
JOIN accounts_brand b ON b.id = d.brand_id
LEFT JOIN coupons_spentcode s ON s.coupon_id = d.id AND s.code = c.text
WHERE c.id = ANY(%(codes)s::bigint[])
