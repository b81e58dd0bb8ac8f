-- Lock promotions against changes of their limits, in order, and return their current state.
-- Upholds redemptions_limit_within_cap: a limit doesn't change while it is taken or released.
SELECT p.id, p.brand_id, p.decision, p.start_date, p.end_date, p.currency, p.budget, p.other_budgets, p.max_per_order, p.max_per_customer, p.limit_total, p.limit_strategy, p.limit_per_user, p.limit_per_day,
    p.limit_per_week, p.limit_per_month, p.limit_units, b.timezone,
    CASE WHEN p.offer #> '{benefits,0,keep_balance}' = 'true' THEN p.offer::text END AS stored_offer
FROM promotions_promotion p
JOIN accounts_brand b ON b.id = p.brand_id
WHERE p.id = ANY(%(promotions)s::uuid[])
ORDER BY p.id
FOR KEY SHARE OF p
