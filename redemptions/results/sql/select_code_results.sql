-- Sum the results of an offer by period and code, from its events.
-- Upholds no constraint; writes nothing.
WITH counted AS (
    SELECT *, row_number() OVER (PARTITION BY tx, redemption_id, type, code ORDER BY id) = 1 AS is_first
    FROM redemptions_countedevent
    WHERE offer_id = %(offer)s AND brand_id = ANY(%(brands)s::uuid[]) AND kind = ANY(%(kinds)s::text[])
)
SELECT NULL::uuid AS brand_id, kind, offer_id, code, width_bucket(starts_at, %(edges)s::timestamptz[]) AS period, currency,
    sum(reserved)::bigint AS reserved, sum(confirmed)::bigint AS confirmed, sum(released)::bigint AS released, sum(expired)::bigint AS expired,
    sum(returned)::bigint AS returned, coalesce(sum(confirmed) FILTER (WHERE is_first), 0)::bigint AS orders,
    coalesce(sum(gross) FILTER (WHERE is_first), 0)::bigint AS gross, sum(discount)::bigint AS discount,
    sum(returned_discount)::bigint AS returned_discount
FROM counted
WHERE starts_at >= %(first)s AND starts_at < %(until)s
GROUP BY 1, 2, 3, 4, 5, 6
