-- Select the active and the reserved redemptions of coupons, and how many units a pool has so far.
-- Upholds no constraint; writes nothing.
SELECT d.id, r.n AS reserved, k.taken AS prepared, (CASE
    WHEN d.maximum_number_of_coupons IS NULL THEN (
        SELECT coalesce(sum(taken), 0) FROM redemptions_limit
        WHERE owner = d.id AND scope = 'customer' AND slot ~ '^[0-9]+$' -- not further identities of customers
    )
    WHEN d.limit_strategy = 'pool' THEN k.taken - (
        SELECT count(*) FROM redemptions_limitunit u WHERE u.owner = d.id AND u.redemption_id IS NULL
    )
    ELSE k.taken
END)::bigint AS active
FROM coupons_coupondefinition d
CROSS JOIN LATERAL (
    SELECT coalesce(sum(taken), 0)::bigint AS taken FROM redemptions_limit
    WHERE owner = d.id AND scope = %(scopes)s::jsonb ->> d.limit_strategy AND slot = ''
) k
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM coupons_couponredemption WHERE coupon_id = d.id AND status = 'reserved'
) r
WHERE d.id = ANY(%(coupons)s::uuid[])
