-- Return what expired reservations of offers still take of limits: the next redemption gets it.
-- Upholds no constraint: it writes nothing; take_limits.sql decides.
SELECT u.promotion_id, c ->> 0 AS scope, c ->> 1 AS slot, sum((c ->> 3)::bigint)::bigint AS amount
FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS c
WHERE u.promotion_id = ANY(%(offers)s::uuid[]) AND u.held_until <= %(at)s
GROUP BY 1, 2, 3
