-- Select the customers whose count of a coupon differs from their active redemptions.
-- Upholds redemptions_limit_within_cap: finds counts that don't match their redemptions.
WITH counted AS (
    SELECT customer_id::text AS slot, count(*) AS n FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status IN ('reserved', 'confirmed')
    GROUP BY customer_id
), stored AS (
    SELECT slot, taken FROM redemptions_limit
    WHERE owner = %(coupon)s AND scope = 'customer' AND slot ~ '^[0-9]+$' -- not further identities of customers
)
SELECT slot, 0 AS shard, coalesce(stored.taken, 0) AS taken, coalesce(counted.n, 0) AS counted
FROM counted FULL JOIN stored USING (slot)
WHERE coalesce(stored.taken, 0) <> coalesce(counted.n, 0)
ORDER BY slot
