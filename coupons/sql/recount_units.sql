-- Units of a pool that something has which does not stand, and redemptions that stand without their unit.
-- Upholds coupons_couponunit_pkey, by finding where a unit lost its meaning.
WITH standing AS (
    SELECT id, unit FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status IN ('reserved', 'confirmed') AND unit IS NOT NULL
), had AS (
    SELECT n, redemption_id FROM coupons_couponunit WHERE coupon_id = %(coupon)s AND redemption_id IS NOT NULL
)
SELECT coalesce(had.redemption_id, standing.id) AS redemption_id, coalesce(had.n, standing.unit) AS n,
    standing.id IS NOT NULL AS stands
FROM standing FULL JOIN had ON had.redemption_id = standing.id AND had.n = standing.unit
WHERE standing.id IS NULL OR had.n IS NULL
ORDER BY 2
