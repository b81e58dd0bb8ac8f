-- Select the statuses of those of a coupon's codes that are reserved or used.
-- Upholds no constraint; writes nothing.
SELECT s.code, CASE WHEN r.status = 'reserved' THEN 'reserved' ELSE 'used' END AS status
FROM coupons_spentcode s
JOIN coupons_couponredemption r ON r.id = s.redemption_id
WHERE s.coupon_id = %(coupon)s AND s.code = ANY(%(codes)s::varchar[]) AND (r.status <> 'reserved' OR r.reserved_until > %(at)s)
