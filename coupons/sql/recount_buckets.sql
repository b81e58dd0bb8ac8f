-- Select the buckets whose sums differ from their rows, except marked ones; of the given coupons, or of all.
-- Upholds no constraint; writes nothing, and reads markers, sums and rows of one snapshot.
WITH rows AS (
    SELECT coupon_id, date_bin('15 minutes', coalesce(redeemed_at, ended_at), 'epoch') AS starts_at, coalesce(currency, '') AS currency,
        ARRAY[count(redeemed_at), count(ended_at), count(*) FILTER (WHERE status = 'returned'),
            coalesce(sum(amount - returned_amount) FILTER (WHERE status = 'confirmed'), 0)::bigint] AS counted
    FROM coupons_couponredemption
    WHERE coalesce(redeemed_at, ended_at) IS NOT NULL
        AND (%(coupons)s::uuid[] IS NULL OR coupon_id = ANY(%(coupons)s::uuid[]))
    GROUP BY 1, 2, 3
), sums AS (
    SELECT coupon_id, starts_at, currency, ARRAY[redemptions, released, refunded, discount_total] AS stored
    FROM coupons_redemptionbucket
    WHERE NOT archived AND (%(coupons)s::uuid[] IS NULL OR coupon_id = ANY(%(coupons)s::uuid[]))
)
SELECT coupon_id, starts_at, currency, coalesce(stored, '{0,0,0,0}') AS stored, coalesce(counted, '{0,0,0,0}') AS counted
FROM rows FULL JOIN sums USING (coupon_id, starts_at, currency)
WHERE stored IS DISTINCT FROM counted
    AND (coupon_id, starts_at) NOT IN (SELECT coupon_id, starts_at FROM coupons_touchedbucket)
ORDER BY coupon_id, starts_at, currency
LIMIT 1000
