-- Add the events of a range of transactions to the sums, and move the reader to the end of the range.
-- Upholds redemptions_resultbucket_pkey; sums and reader change in one transaction, so each event is added once.
WITH bucket AS MATERIALIZED (
    SELECT brand_id, kind, offer_id, starts_at, currency, sum(reserved) AS reserved, sum(confirmed) AS confirmed, sum(released) AS released,
        sum(expired) AS expired, sum(returned) AS returned, sum(orders) AS orders, sum(gross) AS gross, sum(discount) AS discount,
        sum(returned_discount) AS returned_discount
    FROM redemptions_eventresult
    WHERE tx >= %(tx)s AND tx < %(until)s
    GROUP BY brand_id, kind, offer_id, starts_at, currency
), bucketed AS (
    INSERT INTO redemptions_resultbucket AS b
        (brand_id, kind, offer_id, starts_at, currency, reserved, confirmed, released, expired, returned, orders, gross, discount, returned_discount)
    SELECT brand_id, kind, offer_id, starts_at, currency, reserved, confirmed, released, expired, returned, orders, gross, discount, returned_discount
    FROM bucket
    ON CONFLICT (brand_id, kind, offer_id, starts_at, currency) DO UPDATE
        SET reserved = b.reserved + excluded.reserved, confirmed = b.confirmed + excluded.confirmed,
            released = b.released + excluded.released, expired = b.expired + excluded.expired,
            returned = b.returned + excluded.returned, orders = b.orders + excluded.orders, gross = b.gross + excluded.gross,
            discount = b.discount + excluded.discount, returned_discount = b.returned_discount + excluded.returned_discount
), totaled AS (
    INSERT INTO redemptions_offertotal AS t
        (offer_id, currency, reserved, confirmed, released, expired, returned, orders, gross, discount, returned_discount)
    SELECT offer_id, currency, sum(reserved), sum(confirmed), sum(released), sum(expired), sum(returned), sum(orders), sum(gross),
        sum(discount), sum(returned_discount)
    FROM bucket
    WHERE offer_id <> '00000000-0000-0000-0000-000000000000'
    GROUP BY offer_id, currency
    ON CONFLICT (offer_id, currency) DO UPDATE
        SET reserved = t.reserved + excluded.reserved, confirmed = t.confirmed + excluded.confirmed,
            released = t.released + excluded.released, expired = t.expired + excluded.expired,
            returned = t.returned + excluded.returned, orders = t.orders + excluded.orders, gross = t.gross + excluded.gross,
            discount = t.discount + excluded.discount, returned_discount = t.returned_discount + excluded.returned_discount
), rejected AS (
    INSERT INTO redemptions_rejectionbucket AS r (brand_id, kind, offer_id, starts_at, reason, rejected)
    SELECT brand_id, kind, offer_id, starts_at, reason, sum(rejected)
    FROM redemptions_eventrejection
    WHERE tx >= %(tx)s AND tx < %(until)s
    GROUP BY brand_id, kind, offer_id, starts_at, reason
    ON CONFLICT (brand_id, kind, offer_id, starts_at, reason) DO UPDATE SET rejected = r.rejected + excluded.rejected
    RETURNING 1
), moved AS (
    UPDATE redemptions_eventreader SET tx = %(until)s WHERE name = 'results'
)
SELECT (SELECT count(*) FROM bucket) + (SELECT count(*) FROM rejected) AS rows
