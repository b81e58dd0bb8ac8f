-- Return the sums of all events of offers by currency: of what is rolled up, and of the events after it.
-- Upholds no constraint; writes nothing, and reads sums, reader and events of one snapshot, so each event is counted once.
WITH part AS (
    SELECT offer_id, currency, reserved, confirmed, released, expired, returned, orders, gross, discount, returned_discount
    FROM redemptions_offertotal
    WHERE offer_id = ANY(%(offers)s::uuid[])
    UNION ALL
    SELECT offer_id, currency, reserved, confirmed, released, expired, returned, orders, gross, discount, returned_discount
    FROM redemptions_eventresult
    WHERE brand_id = ANY(%(brands)s::uuid[]) AND tx >= coalesce((SELECT tx FROM redemptions_eventreader WHERE name = 'results'), 0)
        AND offer_id = ANY(%(offers)s::uuid[])
)
SELECT offer_id, currency, sum(reserved)::bigint AS reserved, sum(confirmed)::bigint AS confirmed, sum(released)::bigint AS released,
    sum(expired)::bigint AS expired, sum(returned)::bigint AS returned, sum(orders)::bigint AS orders, sum(gross)::bigint AS gross,
    sum(discount)::bigint AS discount, sum(returned_discount)::bigint AS returned_discount
FROM part
GROUP BY offer_id, currency
