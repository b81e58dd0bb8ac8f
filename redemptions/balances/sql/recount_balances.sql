-- Return the balances of offers of which redemptions took another amount than the movements say. One statement, so that nothing changes meanwhile.
-- Upholds redemptions_movement_balance by finding movements that lost their meaning.
WITH moved AS (
    SELECT offer_id, 'balance:' || currency AS scope, code, -sum(amount)::bigint AS amount
    FROM redemptions_balancemovement
    WHERE offer_id = ANY(%(offers)s::uuid[])
    GROUP BY offer_id, currency, code
), taken AS (
    SELECT owner, scope, slot, sum(taken)::bigint AS amount FROM redemptions_limit
    WHERE owner = ANY(%(offers)s::uuid[]) AND starts_with(scope, 'balance:')
    GROUP BY owner, scope, slot
)
SELECT coalesce(t.owner, m.offer_id) AS offer, coalesce(t.scope, m.scope) AS scope, coalesce(t.slot, m.code) AS code,
    coalesce(t.amount, 0) AS taken, coalesce(m.amount, 0) AS moved
FROM taken t FULL JOIN moved m ON m.offer_id = t.owner AND m.scope = t.scope AND m.code = t.slot
WHERE coalesce(t.amount, 0) <> coalesce(m.amount, 0)
ORDER BY 1, 2, 3
