-- Select single-use codes that are marked as used by a redemption that is not active.
-- Upholds coupons_spentcode_pkey: finds used codes that don't match their redemptions.
SELECT s.coupon_id, s.code, s.redemption_id
FROM coupons_spentcode s
LEFT JOIN coupons_couponredemption r ON r.id = s.redemption_id AND r.status IN ('reserved', 'confirmed')
WHERE r.id IS NULL
ORDER BY s.coupon_id, s.code
