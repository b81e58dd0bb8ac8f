-- Select the states of those of the codes that are held or used.
-- Upholds no constraint; writes nothing.
SELECT s.code, CASE WHEN r.status = 'reserved' THEN 'held' ELSE 'used' END AS state
FROM coupons_spentcode s
JOIN coupons_couponredemption r ON r.id = s.redemption_id
WHERE s.code = ANY(%(codes)s::varchar[]) AND (r.status <> 'reserved' OR r.reserved_until > %(at)s)
