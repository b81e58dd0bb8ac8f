-- Return the balances of codes: the initial one if the code has its own, what is taken, and what of it expired reservations took.
-- Upholds no constraint: it writes nothing; take_limits.sql decides.
SELECT r.offer, r.code, c.balance AS initial, coalesce(l.taken, 0) AS taken, coalesce((
    SELECT sum((k ->> 3)::bigint) FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS k
    WHERE l.taken > 0 AND u.promotion_id = r.offer AND u.held_until <= %(at)s AND k ->> 0 = r.scope AND k ->> 1 = r.code
), 0)::bigint AS expired
FROM unnest(%(offers)s::uuid[], %(codes)s::text[], %(scopes)s::text[]) AS r (offer, code, scope)
LEFT JOIN promotions_code c ON c.offer = r.offer AND c.canonical = replace(replace(r.code, '-', ''), '_', '')
LEFT JOIN redemptions_limit l ON l.owner = r.offer AND l.scope = r.scope AND l.slot = r.code
