-- Count the customers with a confirmed use of an offer: of all periods and of each, of all codes and of each.
-- Upholds no constraint; writes nothing.
SELECT code, period, count(DISTINCT customer_id) AS customers
FROM (
    SELECT CASE WHEN %(by_code)s THEN code END AS code, width_bucket(starts_at, %(edges)s::timestamptz[]) AS period, customer_id
    FROM redemptions_countedevent
    WHERE offer_id = %(offer)s AND brand_id = ANY(%(brands)s::uuid[]) AND kind = ANY(%(kinds)s::text[]) AND confirmed = 1
        AND starts_at >= %(first)s AND starts_at < %(until)s
) e
GROUP BY GROUPING SETS ((code, period), (code))
