-- Sum redemptions by period, from the sums of whole buckets, and from rows where an edge cuts a bucket or a bucket is marked.
-- Upholds no constraint; writes nothing, and reads markers, sums and rows of one snapshot.
WITH changed AS (
    SELECT DISTINCT coupon_id, starts_at FROM coupons_touchedbucket
    WHERE coupon_id = ANY(%(coupons)s::uuid[]) AND starts_at > %(first)s::timestamptz - interval '15 minutes'
        AND starts_at < %(until)s::timestamptz
), unsummed AS (
    SELECT coupon_id, starts_at FROM changed
    UNION
    SELECT coupon_id, starts_at FROM coupons_redemptionbucket
    WHERE coupon_id = ANY(%(coupons)s::uuid[]) AND starts_at = ANY(%(cuts)s::timestamptz[]) AND NOT archived
), parts AS (
    SELECT b.starts_at AS moment, b.currency, b.redemptions, b.released, b.refunded, b.discount_total
    FROM coupons_redemptionbucket b
    WHERE b.coupon_id = ANY(%(coupons)s::uuid[]) AND b.starts_at >= %(first)s::timestamptz
        AND b.starts_at < %(until)s::timestamptz
        AND (b.archived OR (b.coupon_id, b.starts_at) NOT IN (SELECT coupon_id, starts_at FROM unsummed))
    UNION ALL
    SELECT r.moment, r.currency, r.redemptions, r.released, r.refunded, r.discount_total
    FROM unsummed
    CROSS JOIN LATERAL (
        SELECT coalesce(redeemed_at, ended_at) AS moment, coalesce(currency, '') AS currency,
            (redeemed_at IS NOT NULL)::int AS redemptions, (ended_at IS NOT NULL)::int AS released,
            (status = 'returned')::int AS refunded,
            CASE WHEN status = 'confirmed' THEN coalesce(amount - returned_amount, 0) ELSE 0 END AS discount_total
        FROM coupons_couponredemption
        WHERE coupon_id = unsummed.coupon_id
            AND coalesce(redeemed_at, ended_at) >= greatest(unsummed.starts_at, %(first)s::timestamptz)
            AND coalesce(redeemed_at, ended_at) < least(unsummed.starts_at + interval '15 minutes', %(until)s::timestamptz)
        OFFSET 0 -- reads each bucket by the index, whatever the planner estimates
    ) r
)
SELECT width_bucket(moment, %(edges)s::timestamptz[]) AS period, currency, sum(redemptions)::bigint AS redemptions,
    sum(released)::bigint AS released, sum(refunded)::bigint AS refunded, sum(discount_total)::bigint AS discount_total
FROM parts
GROUP BY 1, 2
ORDER BY 1, 2
