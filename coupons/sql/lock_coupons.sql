-- Lock coupons against changes of their limits, in order, and return their budgets and limits per period.
-- Upholds redemptions_limit_within_cap: a limit doesn't change while it is taken or released.
SELECT d.id, d.brand_id, d.maximum_number_of_coupons_per_user AS maximum_per_user, d.currency, d.budget, d.other_budgets, d.max_per_order, d.max_per_customer, d.limit_per_day, d.limit_per_week, d.limit_per_month, d.limit_units, b.timezone,
    CASE WHEN d.offer #> '{benefits,0,keep_balance}' = 'true' THEN d.offer::text END AS stored_offer
FROM coupons_coupondefinition d
JOIN accounts_brand b ON b.id = d.brand_id
WHERE d.id = ANY(%(offers)s::uuid[])
ORDER BY d.id
FOR KEY SHARE OF d
