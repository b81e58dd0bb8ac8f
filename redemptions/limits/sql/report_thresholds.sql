-- Store the thresholds that budgets have reached, and append an event of each that is new. Returns their number.
-- Upholds redemptions_budgetthreshold_pkey: each threshold of a budget has one event.
WITH budget AS (
    SELECT b.*, (
        SELECT coalesce(sum(l.taken), 0)::bigint FROM redemptions_limit l
        WHERE l.owner = b.owner AND l.scope = 'budget:' || b.currency AND l.slot = ''
    ) AS used
    FROM unnest(%(owners)s::uuid[], %(brands)s::uuid[], %(currencies)s::text[], %(caps)s::bigint[])
        AS b (owner, brand_id, currency, cap)
), reached AS (
    INSERT INTO redemptions_budgetthreshold (owner, scope, cap, percent, reached_at)
    SELECT owner, 'budget:' || currency, cap, percent, %(at)s::timestamptz
    FROM budget CROSS JOIN unnest(%(percents)s::int[]) AS percent
    WHERE used * 100 >= cap * percent
    ORDER BY 1, 2, 3, 4 -- one order, so that tasks never deadlock
    ON CONFLICT DO NOTHING
    RETURNING owner, scope, percent
)
INSERT INTO redemptions_event (type, created_at, brand_id, kind, offer_id, currency, data)
SELECT 'offer.budget_threshold', %(at)s, b.brand_id, %(kind)s, b.owner, b.currency,
    jsonb_build_object('percent', r.percent, 'budget', b.cap, 'used', b.used)
FROM reached r JOIN budget b ON b.owner = r.owner AND r.scope = 'budget:' || b.currency
ORDER BY b.owner, b.currency, r.percent
