-- Select the counters of approximate limits that the uses exceed by more than concurrent redemptions can.
-- Upholds redemptions_limit_within_cap by finding rows that lost their meaning.
SELECT l.owner, l.scope, l.taken, l.cap, u.n AS counted
FROM redemptions_limit l
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM promotions_promotionuse u
    WHERE u.promotion_id = l.owner AND u.counters @> '[["total:approximate"]]'
) u
WHERE l.owner = ANY(%(offers)s::uuid[]) AND l.scope = 'total:approximate' AND u.n > l.cap
ORDER BY l.owner
