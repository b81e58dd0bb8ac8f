-- Select the count of a pool if it differs from the number of units.
-- Upholds redemptions_limit_within_cap: finds counts that don't match their units.
SELECT l.slot, l.shard, l.taken, l.cap, u.n AS counted
FROM redemptions_limit l
CROSS JOIN LATERAL (SELECT count(*) AS n FROM redemptions_limitunit u WHERE u.owner = l.owner) u
WHERE l.owner = %(coupon)s AND l.scope = 'total:pool' AND l.slot = '' AND l.shard = 0 AND l.taken <> u.n
