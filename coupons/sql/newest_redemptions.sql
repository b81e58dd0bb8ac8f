-- The newest redemptions of a brand's coupons, or of one: the newest of each coupon by its own index, then of all these.
-- Upholds no constraint: it writes nothing.
SELECT r.id
FROM coupons_coupondefinition d
CROSS JOIN LATERAL (
    SELECT coupon_id, id FROM coupons_couponredemption
    WHERE (coupon_id, id) >= (d.id, %(first)s::uuid) AND (coupon_id, id) < (d.id, %(until)s::uuid)
        AND id >= %(first)s::uuid AND id < %(until)s::uuid -- which months
        AND (%(status)s::varchar IS NULL OR status = %(status)s)
        AND (NOT %(ended)s::boolean OR ended_at IS NOT NULL) -- says so, that their index may be used
    ORDER BY coupon_id DESC, id DESC -- not by the id alone: through a month of others' to find none of a coupon's
    LIMIT %(limit)s
) r
WHERE d.brand_id = %(brand)s AND (%(coupon)s::uuid IS NULL OR d.id = %(coupon)s)
ORDER BY r.id DESC LIMIT %(limit)s
