-- Sum redemptions by period from the results of their events, and from rows where an edge cuts a quarter of an hour.
-- Upholds no constraint; writes nothing, and reads sums, events and rows of one snapshot. A cut quarter whose rows were dropped counts at its start.
WITH summed AS (
    SELECT starts_at, currency, confirmed AS redemptions, released + expired + returned AS released, returned AS refunded,
        discount - returned_discount AS discount_total
    FROM redemptions_resultbucket
    WHERE brand_id = %(brand)s AND kind = 'coupon' AND offer_id = %(offer)s
        AND starts_at > %(first)s::timestamptz - interval '15 minutes' AND starts_at < %(until)s::timestamptz
    UNION ALL
    SELECT starts_at, currency, confirmed, released + expired + returned, returned, discount - returned_discount
    FROM redemptions_eventresult
    WHERE brand_id = %(brand)s AND tx >= coalesce((SELECT tx FROM redemptions_eventreader WHERE name = 'results'), 0)
        AND kind = 'coupon' AND offer_id = %(offer)s
        AND starts_at > %(first)s::timestamptz - interval '15 minutes' AND starts_at < %(until)s::timestamptz
), cut AS MATERIALIZED (
    SELECT starts_at FROM summed s
    WHERE starts_at = ANY(%(cuts)s::timestamptz[])
    GROUP BY starts_at
    HAVING sum(redemptions) = (
        SELECT count(r.redeemed_at) FROM coupons_couponredemption r
        WHERE r.coupon_id = ANY(%(coupons)s::uuid[]) AND coalesce(r.redeemed_at, r.ended_at) >= s.starts_at
            AND coalesce(r.redeemed_at, r.ended_at) < s.starts_at + interval '15 minutes'
    )
), part AS (
    SELECT starts_at AS moment, currency, redemptions, released, refunded, discount_total
    FROM summed
    WHERE starts_at >= %(first)s::timestamptz AND starts_at NOT IN (SELECT starts_at FROM cut)
    UNION ALL
    SELECT r.moment, r.currency, r.redemptions, r.released, r.refunded, r.discount_total
    FROM cut
    CROSS JOIN LATERAL (
        SELECT coalesce(redeemed_at, ended_at) AS moment, coalesce(currency, '') AS currency,
            (redeemed_at IS NOT NULL)::int AS redemptions, (ended_at IS NOT NULL)::int AS released,
            (status = 'returned')::int AS refunded,
            CASE WHEN status = 'confirmed' THEN coalesce(amount - returned_amount, 0) ELSE 0 END AS discount_total
        FROM coupons_couponredemption
        WHERE coupon_id = ANY(%(coupons)s::uuid[])
            AND coalesce(redeemed_at, ended_at) >= greatest(cut.starts_at, %(first)s::timestamptz)
            AND coalesce(redeemed_at, ended_at) < least(cut.starts_at + interval '15 minutes', %(until)s::timestamptz)
        OFFSET 0 -- reads each quarter by the index, whatever the planner estimates
    ) r
)
SELECT width_bucket(moment, %(edges)s::timestamptz[]) AS period, currency, sum(redemptions)::bigint AS redemptions,
    sum(released)::bigint AS released, sum(refunded)::bigint AS refunded, sum(discount_total)::bigint AS discount_total
FROM part
GROUP BY 1, 2
HAVING sum(redemptions) > 0 OR sum(released) > 0
ORDER BY 1, 2
