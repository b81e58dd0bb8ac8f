-- What became of coupons' redemptions in each period between two edges: from the sums of whole buckets, and from the rows where an edge cuts a bucket or a change is not summed yet.
-- Upholds no constraint: it writes nothing, and reads notes, sums and rows of one snapshot.
WITH changed AS (
    SELECT DISTINCT coupon_id, starts_at FROM coupons_touchedbucket
    WHERE coupon_id = ANY(%(coupons)s::uuid[]) AND starts_at > %(first)s::timestamptz - interval '15 minutes'
        AND starts_at < %(until)s::timestamptz
), loose AS (
    SELECT coupon_id, starts_at FROM changed
    UNION
    SELECT coupon_id, starts_at FROM coupons_redemptionbucket
    WHERE coupon_id = ANY(%(coupons)s::uuid[]) AND starts_at = ANY(%(cuts)s::timestamptz[]) AND NOT archived
), parts AS (
    SELECT b.starts_at AS moment, b.currency, b.redemptions, b.released, b.refunded, b.discount_total
    FROM coupons_redemptionbucket b
    WHERE b.coupon_id = ANY(%(coupons)s::uuid[]) AND b.starts_at >= %(first)s::timestamptz
        AND b.starts_at < %(until)s::timestamptz
        AND (b.archived OR (b.coupon_id, b.starts_at) NOT IN (SELECT coupon_id, starts_at FROM loose))
    UNION ALL
    SELECT r.moment, r.currency, r.redemptions, r.released, r.refunded, r.discount_total
    FROM loose
    CROSS JOIN LATERAL (
        SELECT coalesce(redeemed_at, ended_at) AS moment, coalesce(currency, '') AS currency,
            (redeemed_at IS NOT NULL)::int AS redemptions, (ended_at IS NOT NULL)::int AS released,
            (status = 'refunded')::int AS refunded,
            CASE WHEN status = 'confirmed' THEN coalesce(amount, 0) ELSE 0 END AS discount_total
        FROM coupons_couponredemption
        WHERE coupon_id = loose.coupon_id
            AND coalesce(redeemed_at, ended_at) >= greatest(loose.starts_at, %(first)s::timestamptz)
            AND coalesce(redeemed_at, ended_at) < least(loose.starts_at + interval '15 minutes', %(until)s::timestamptz)
        OFFSET 0 -- each bucket by the index, however many the planner takes them for
    ) r
)
SELECT width_bucket(moment, %(edges)s::timestamptz[]) AS period, currency, sum(redemptions)::bigint AS redemptions,
    sum(released)::bigint AS released, sum(refunded)::bigint AS refunded, sum(discount_total)::bigint AS discount_total
FROM parts
GROUP BY 1, 2
ORDER BY 1, 2
