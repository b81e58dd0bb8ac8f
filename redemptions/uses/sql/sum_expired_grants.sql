-- Return what expired reservations still take of grants between brands: the next redemption gets it.
-- Upholds no constraint: it writes nothing; take_limits.sql decides.
SELECT u.grant_key, c ->> 0 AS scope, c ->> 1 AS slot, sum((c ->> 3)::bigint)::bigint AS amount
FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS c
WHERE u.grant_key = ANY(%(grants)s::uuid[]) AND u.held_until <= %(at)s AND starts_with(c ->> 0, 'grant')
GROUP BY 1, 2, 3
