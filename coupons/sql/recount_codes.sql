-- Codes that are good once and were spent by redemptions that do not stand.
-- Upholds coupons_spentcode_pkey, by finding where a spent code lost its meaning.
SELECT s.code, s.redemption_id
FROM coupons_spentcode s
LEFT JOIN coupons_couponredemption r ON r.id = s.redemption_id AND r.status IN ('reserved', 'confirmed')
WHERE r.id IS NULL
ORDER BY s.code
