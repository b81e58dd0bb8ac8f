-- Return the quarters of an hour whose confirmed redemptions differ from the results of their events.
-- Upholds no constraint; writes nothing, and reads rows, sums and events of one snapshot. Rows of old months may have been dropped, so the results of a coupon that ended and is older than the kept months may be higher.
WITH counted AS (
    SELECT coupon_id, date_bin('15 minutes', redeemed_at, '1970-01-01 00:00:00+00'::timestamptz) AS starts_at, coalesce(currency, '') AS currency,
        ARRAY[count(*), count(*) FILTER (WHERE status = 'returned'), coalesce(sum(amount - returned_amount) FILTER (WHERE status = 'confirmed'), 0)::bigint] AS counts
    FROM coupons_couponredemption
    WHERE redeemed_at IS NOT NULL AND (%(coupons)s::uuid[] IS NULL OR coupon_id = ANY(%(coupons)s::uuid[]))
    GROUP BY 1, 2, 3
), part AS (
    SELECT offer_id, starts_at, currency, confirmed, returned, discount - returned_discount AS discount
    FROM redemptions_resultbucket
    WHERE kind = 'coupon' AND offer_id <> '00000000-0000-0000-0000-000000000000'
    UNION ALL
    SELECT offer_id, starts_at, currency, confirmed, returned, discount - returned_discount
    FROM redemptions_eventresult
    WHERE tx >= coalesce((SELECT tx FROM redemptions_eventreader WHERE name = 'results'), 0) AND kind = 'coupon'
        AND offer_id <> '00000000-0000-0000-0000-000000000000'
), summed AS (
    SELECT offer_id AS coupon_id, starts_at, currency, ARRAY[sum(confirmed), sum(returned), sum(discount)]::bigint[] AS counts
    FROM part
    WHERE %(coupons)s::uuid[] IS NULL OR offer_id = ANY(%(coupons)s::uuid[])
    GROUP BY 1, 2, 3
    HAVING sum(confirmed) > 0
)
SELECT d.coupon_id, d.starts_at, d.currency, coalesce(d.stored, '{0,0,0}') AS stored, coalesce(d.counted, '{0,0,0}') AS counted
FROM (
    SELECT coupon_id, starts_at, currency, summed.counts AS stored, counted.counts AS counted
    FROM counted FULL JOIN summed USING (coupon_id, starts_at, currency)
    WHERE summed.counts IS DISTINCT FROM counted.counts
) d
JOIN coupons_coupondefinition c ON c.id = d.coupon_id
WHERE c.end_date > %(at)s OR c.created_at >= %(kept_since)s OR d.counted[1] > coalesce(d.stored[1], 0)
ORDER BY d.coupon_id, d.starts_at, d.currency
LIMIT 1000
