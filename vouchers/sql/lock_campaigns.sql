-- Lock campaigns against changes of their limits, in order, and return their budgets and limits per period.
-- Upholds redemptions_limit_within_cap: a limit doesn't change while it is taken or released.
SELECT c.id, c.brand_id, c.currency, c.budget, c.other_budgets, c.max_per_order, c.max_per_customer, c.limit_per_day, c.limit_per_week, c.limit_per_month, c.limit_units, b.timezone
FROM vouchers_campaign c
JOIN accounts_brand b ON b.id = c.brand_id
WHERE c.id = ANY(%(offers)s::uuid[])
ORDER BY c.id
FOR KEY SHARE OF c
