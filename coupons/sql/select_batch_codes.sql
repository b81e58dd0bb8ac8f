-- Select the next codes of a batch with their states: free, held or used.
-- Upholds no constraint; writes nothing.
SELECT c.text, CASE
    WHEN r.id IS NULL OR r.status = 'reserved' AND r.reserved_until <= %(at)s THEN 'free'
    WHEN r.status = 'reserved' THEN 'held' ELSE 'used'
END AS state
FROM promotions_code c
LEFT JOIN coupons_spentcode s ON s.code = c.text
LEFT JOIN coupons_couponredemption r ON r.id = s.redemption_id
WHERE c.batch_id = %(batch)s AND c.text > %(after)s
ORDER BY c.text
LIMIT %(limit)s
