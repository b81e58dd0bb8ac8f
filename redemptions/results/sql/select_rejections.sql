-- Sum the refused attempts of brands by period, group and reason: the sums of what is rolled up, and the events after it.
-- Upholds no constraint; writes nothing, and reads sums, reader and events of one snapshot, so each event is counted once.
WITH part AS (
    SELECT brand_id, kind, offer_id, starts_at, reason, rejected
    FROM redemptions_rejectionbucket
    WHERE brand_id = ANY(%(brands)s::uuid[]) AND kind = ANY(%(kinds)s::text[]) AND starts_at >= %(first)s AND starts_at < %(until)s
        AND CASE WHEN %(offer)s::uuid IS NULL THEN (offer_id = '00000000-0000-0000-0000-000000000000') <> %(by_offer)s ELSE offer_id = %(offer)s END
    UNION ALL
    SELECT brand_id, kind, offer_id, starts_at, reason, rejected
    FROM redemptions_eventrejection
    WHERE brand_id = ANY(%(brands)s::uuid[]) AND tx >= coalesce((SELECT tx FROM redemptions_eventreader WHERE name = 'results'), 0)
        AND kind = ANY(%(kinds)s::text[]) AND starts_at >= %(first)s AND starts_at < %(until)s
        AND CASE WHEN %(offer)s::uuid IS NULL THEN (offer_id = '00000000-0000-0000-0000-000000000000') <> %(by_offer)s ELSE offer_id = %(offer)s END
)
SELECT CASE WHEN %(by_brand)s THEN brand_id END AS brand_id, CASE WHEN %(by_kind)s THEN kind ELSE '' END AS kind,
    CASE WHEN %(by_offer)s THEN offer_id END AS offer_id, NULL AS code, width_bucket(starts_at, %(edges)s::timestamptz[]) AS period, reason,
    sum(rejected)::bigint AS rejected
FROM part
GROUP BY 1, 2, 3, 4, 5, 6
