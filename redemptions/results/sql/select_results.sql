-- Sum the results of brands by period and group: the sums of what is rolled up, and the events after it.
-- Upholds no constraint; writes nothing, and reads sums, reader and events of one snapshot, so each event is counted once.
WITH part AS (
    SELECT brand_id, kind, offer_id, starts_at, currency, reserved, confirmed, released, expired, returned, orders, gross, discount,
        returned_discount
    FROM redemptions_resultbucket
    WHERE brand_id = ANY(%(brands)s::uuid[]) AND kind = ANY(%(kinds)s::text[]) AND starts_at >= %(first)s AND starts_at < %(until)s
        AND CASE WHEN %(offer)s::uuid IS NULL THEN (offer_id = '00000000-0000-0000-0000-000000000000') <> %(by_offer)s ELSE offer_id = %(offer)s END
    UNION ALL
    SELECT brand_id, kind, offer_id, starts_at, currency, reserved, confirmed, released, expired, returned, orders, gross, discount,
        returned_discount
    FROM redemptions_eventresult
    WHERE brand_id = ANY(%(brands)s::uuid[]) AND tx >= coalesce((SELECT tx FROM redemptions_eventreader WHERE name = 'results'), 0)
        AND kind = ANY(%(kinds)s::text[]) AND starts_at >= %(first)s AND starts_at < %(until)s
        AND CASE WHEN %(offer)s::uuid IS NULL THEN (offer_id = '00000000-0000-0000-0000-000000000000') <> %(by_offer)s ELSE offer_id = %(offer)s END
)
SELECT CASE WHEN %(by_brand)s THEN brand_id END AS brand_id, CASE WHEN %(by_kind)s THEN kind ELSE '' END AS kind,
    CASE WHEN %(by_offer)s THEN offer_id END AS offer_id, NULL AS code, width_bucket(starts_at, %(edges)s::timestamptz[]) AS period, currency,
    sum(reserved)::bigint AS reserved, sum(confirmed)::bigint AS confirmed, sum(released)::bigint AS released, sum(expired)::bigint AS expired,
    sum(returned)::bigint AS returned, sum(orders)::bigint AS orders, sum(gross)::bigint AS gross, sum(discount)::bigint AS discount,
    sum(returned_discount)::bigint AS returned_discount
FROM part
GROUP BY 1, 2, 3, 4, 5, 6
