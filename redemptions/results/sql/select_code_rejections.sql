-- Sum the refused attempts of an offer by period, code and reason, from its events.
-- Upholds no constraint; writes nothing.
SELECT NULL::uuid AS brand_id, kind, offer_id, code, width_bucket(created_at, %(edges)s::timestamptz[]) AS period,
    coalesce(reason ->> 'code', '') AS reason, sum(coalesce((data ->> 'count')::bigint, 1))::bigint AS rejected
FROM redemptions_event
WHERE type = 'redemption.rejected' AND offer_id = %(offer)s AND brand_id = ANY(%(brands)s::uuid[]) AND kind = ANY(%(kinds)s::text[])
    AND created_at >= %(first)s AND created_at < %(until)s
GROUP BY 2, 3, 4, 5, 6
