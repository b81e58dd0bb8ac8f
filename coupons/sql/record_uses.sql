-- Insert the uses of a coupon that its redemptions lack, since the coupon had no such limits at that time.
-- Upholds promotions_use_once_per_redemption. A redemption without an order takes nothing from budgets.
INSERT INTO promotions_promotionuse
    (kind, promotion_id, redemption_id, customer_id, code, amount, returned_amount, currency, counters, taken_at, held_until)
SELECT 'coupon', coupon_id, coalesce(redemption_id, id), customer_id, '', coalesce(amount, 0), returned_amount, currency, '[]',
    coalesce(redeemed_at, changed_at), CASE WHEN status = 'reserved' THEN reserved_until END
FROM coupons_couponredemption
WHERE coupon_id = %(offer)s AND status IN ('reserved', 'confirmed')
ORDER BY id
FOR UPDATE -- waits for confirmations, which don't lock the coupon
ON CONFLICT (promotion_id, redemption_id) DO NOTHING
