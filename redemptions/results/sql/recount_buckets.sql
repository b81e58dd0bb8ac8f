-- Return the buckets whose sums differ from those of the events below the reader's position.
-- Upholds no constraint; writes nothing.
WITH counted AS (
    SELECT brand_id, kind, offer_id, starts_at, currency, ARRAY[
        sum(reserved), sum(confirmed), sum(released), sum(expired), sum(returned), sum(orders), sum(gross), sum(discount), sum(returned_discount)
    ]::bigint[] AS sums
    FROM redemptions_eventresult
    WHERE tx < coalesce((SELECT tx FROM redemptions_eventreader WHERE name = 'results'), 0)
        AND (%(brands)s::uuid[] IS NULL OR brand_id = ANY(%(brands)s::uuid[]))
    GROUP BY brand_id, kind, offer_id, starts_at, currency
), stored AS (
    SELECT brand_id, kind, offer_id, starts_at, currency, ARRAY[
        reserved, confirmed, released, expired, returned, orders, gross, discount, returned_discount
    ] AS sums
    FROM redemptions_resultbucket
    WHERE starts_at >= %(since)s AND (%(brands)s::uuid[] IS NULL OR brand_id = ANY(%(brands)s::uuid[]))
)
SELECT brand_id, kind, offer_id, starts_at, currency, stored.sums AS stored, counted.sums AS counted
FROM counted FULL JOIN stored USING (brand_id, kind, offer_id, starts_at, currency)
WHERE stored.sums IS DISTINCT FROM counted.sums AND starts_at >= %(since)s
ORDER BY brand_id, kind, offer_id, starts_at, currency
LIMIT 1000
