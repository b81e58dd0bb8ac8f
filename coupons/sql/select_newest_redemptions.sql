-- Select the newest redemptions of a brand's coupons, or of one: those of each coupon by its index, then of them all.
-- Upholds no constraint; writes nothing.
SELECT r.id
FROM coupons_coupondefinition d
CROSS JOIN LATERAL (
    SELECT coupon_id, id FROM coupons_couponredemption
    WHERE (coupon_id, id) >= (d.id, %(first)s::uuid) AND (coupon_id, id) < (d.id, %(until)s::uuid)
        AND id >= %(first)s::uuid AND id < %(until)s::uuid -- prunes partitions
        AND (%(status)s::varchar IS NULL OR status = %(status)s)
        AND (NOT %(ended)s::boolean OR ended_at IS NOT NULL) -- stated so that the index applies
    ORDER BY coupon_id DESC, id DESC -- by the ID alone, the scan could read a month of other coupons' rows
    LIMIT %(limit)s
) r
WHERE d.brand_id = %(brand)s AND (%(coupon)s::uuid IS NULL OR d.id = %(coupon)s)
ORDER BY r.id DESC LIMIT %(limit)s
