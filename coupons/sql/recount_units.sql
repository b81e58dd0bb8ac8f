-- Select units of a pool that no active redemption has, and active redemptions that lack their unit.
-- Upholds coupons_couponunit_pkey: finds units that don't match their redemptions.
WITH active AS (
    SELECT id, unit FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status IN ('reserved', 'confirmed') AND unit IS NOT NULL
), used AS (
    SELECT n, redemption_id FROM coupons_couponunit WHERE coupon_id = %(coupon)s AND redemption_id IS NOT NULL
)
SELECT coalesce(used.redemption_id, active.id) AS redemption_id, coalesce(used.n, active.unit) AS n,
    active.id IS NOT NULL AS is_active
FROM active FULL JOIN used ON used.redemption_id = active.id AND used.n = active.unit
WHERE active.id IS NULL OR used.n IS NULL
ORDER BY 2
