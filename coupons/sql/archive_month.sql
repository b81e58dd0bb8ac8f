-- Add the sums of a month of redemptions to the archived buckets, before its rows are dropped, and mark the buckets.
-- Upholds coupons_redemptionbucket_pkey: sums of two months in one bucket are added up.
WITH month AS (
    SELECT coupon_id, date_bin('15 minutes', coalesce(redeemed_at, ended_at), 'epoch') AS starts_at, coalesce(currency, '') AS currency,
        count(redeemed_at) AS redemptions, count(ended_at) AS released, count(*) FILTER (WHERE status = 'returned') AS refunded,
        coalesce(sum(amount - returned_amount) FILTER (WHERE status = 'confirmed'), 0)::bigint AS discount_total
    FROM coupons_couponredemption
    WHERE id >= %(low)s AND id < %(high)s
    GROUP BY 1, 2, 3
), kept AS (
    INSERT INTO coupons_redemptionbucket AS b
        (coupon_id, starts_at, currency, archived, redemptions, released, refunded, discount_total)
    SELECT coupon_id, starts_at, currency, true, redemptions, released, refunded, discount_total FROM month
    ON CONFLICT (coupon_id, starts_at, currency, archived) DO UPDATE
        SET redemptions = b.redemptions + excluded.redemptions, released = b.released + excluded.released,
            refunded = b.refunded + excluded.refunded, discount_total = b.discount_total + excluded.discount_total
)
INSERT INTO coupons_touchedbucket (coupon_id, starts_at) SELECT DISTINCT coupon_id, starts_at FROM month
