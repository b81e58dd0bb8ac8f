-- Lock discount codes against changes of their limits, in order, and return them.
-- Upholds redemptions_limit_within_cap: a limit doesn't change while it is taken or released.
SELECT c.offer_id, c.brand_id, c.currency, c.budget, c.other_budgets, c.max_per_order, c.max_per_customer, c.limit_total, c.limit_strategy, c.limit_per_day, c.limit_per_week, c.limit_per_month, c.limit_units, b.timezone,
    EXISTS (SELECT 1 FROM promotions_codebatch WHERE promotions_codebatch.offer = c.offer_id) AS has_batches
FROM discounts_discountcode c
JOIN accounts_brand b ON b.id = c.brand_id
WHERE c.offer_id = ANY(%(offers)s::uuid[])
ORDER BY c.id
FOR KEY SHARE OF c
