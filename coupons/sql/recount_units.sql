-- Select units of a pool that no active redemption has, and active redemptions that lack their unit.
-- Upholds redemptions_limitunit_pkey: finds units that don't match their redemptions.
WITH active AS (
    SELECT id, unit FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status IN ('reserved', 'confirmed') AND unit IS NOT NULL
), used AS (
    SELECT number, redemption_id FROM redemptions_limitunit WHERE owner = %(coupon)s AND redemption_id IS NOT NULL
)
SELECT coalesce(used.redemption_id, active.id) AS redemption_id, coalesce(used.number, active.unit) AS number,
    active.id IS NOT NULL AS is_active
FROM active FULL JOIN used ON used.redemption_id = active.id AND used.number = active.unit
WHERE active.id IS NULL OR used.number IS NULL
ORDER BY 2
