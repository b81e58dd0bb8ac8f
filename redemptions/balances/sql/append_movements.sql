-- Append movements of balances, each with what is left after it. The caller has changed, and so locked, the balances before.
-- Upholds redemptions_movement_balance.
INSERT INTO redemptions_balancemovement (offer_id, code, currency, redemption_id, amount, balance, reason, created_at)
SELECT m.offer, m.code, m.currency, m.redemption, m.amount,
    l.cap - l.taken - coalesce(sum(m.amount) OVER later, 0), m.reason, %(at)s
FROM unnest(
    %(offers)s::uuid[], %(codes)s::text[], %(currencies)s::text[], %(redemptions)s::uuid[], %(amounts)s::bigint[], %(reasons)s::text[]
) WITH ORDINALITY AS m (offer, code, currency, redemption, amount, reason, position)
JOIN redemptions_limit l ON l.owner = m.offer AND l.scope = 'balance:' || m.currency AND l.slot = m.code
WINDOW later AS (
    PARTITION BY m.offer, m.currency, m.code ORDER BY m.position DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
)
ORDER BY m.position
