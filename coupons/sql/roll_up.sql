-- Recalculate each bucket that one of the oldest markers names, and delete these markers.
-- Upholds coupons_redemptionbucket_pkey; reads markers and rows of one snapshot, so no change is lost.
WITH taken AS (
    DELETE FROM coupons_touchedbucket
    WHERE id = ANY (ARRAY(SELECT id FROM coupons_touchedbucket ORDER BY id LIMIT %(limit)s))
    RETURNING coupon_id, starts_at
), dirty AS (
    SELECT DISTINCT coupon_id, starts_at FROM taken
), summed AS (
    SELECT t.coupon_id, t.starts_at, s.currency, s.redemptions, s.released, s.refunded, s.discount_total
    FROM dirty t
    CROSS JOIN LATERAL (
        SELECT coalesce(r.currency, '') AS currency, count(r.redeemed_at) AS redemptions, count(r.ended_at) AS released,
            count(*) FILTER (WHERE r.status = 'returned') AS refunded,
            coalesce(sum(r.amount - r.returned_amount) FILTER (WHERE r.status = 'confirmed'), 0)::bigint AS discount_total
        FROM coupons_couponredemption r
        WHERE r.coupon_id = t.coupon_id AND coalesce(r.redeemed_at, r.ended_at) >= t.starts_at
            AND coalesce(r.redeemed_at, r.ended_at) < t.starts_at + interval '15 minutes'
        GROUP BY 1
    ) s
), emptied AS (
    DELETE FROM coupons_redemptionbucket b
    USING dirty t
    WHERE b.coupon_id = t.coupon_id AND b.starts_at = t.starts_at AND NOT b.archived AND NOT EXISTS (
        SELECT FROM summed s WHERE s.coupon_id = b.coupon_id AND s.starts_at = b.starts_at AND s.currency = b.currency
    )
), replaced AS (
    INSERT INTO coupons_redemptionbucket AS b
        (coupon_id, starts_at, currency, archived, redemptions, released, refunded, discount_total)
    SELECT coupon_id, starts_at, currency, false, redemptions, released, refunded, discount_total FROM summed
    ORDER BY coupon_id, starts_at, currency
    ON CONFLICT (coupon_id, starts_at, currency, archived) DO UPDATE
        SET redemptions = excluded.redemptions, released = excluded.released, refunded = excluded.refunded,
            discount_total = excluded.discount_total
)
SELECT (SELECT count(*) FROM taken) AS markers, (SELECT count(*) FROM dirty) AS buckets
