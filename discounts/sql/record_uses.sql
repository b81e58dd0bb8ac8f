-- Insert the uses of a code that its redemptions lack, since the code had no limits at that time.
-- Upholds promotions_use_once_per_redemption. A redemption without an order takes nothing from budgets.
INSERT INTO promotions_promotionuse
    (kind, promotion_id, redemption_id, customer_id, code, amount, returned_amount, currency, counters, taken_at, held_until)
SELECT 'discount_code', c.offer_id, coalesce(u.redemption_id, u.id), u.customer_id, '',
    CASE WHEN u.redemption_id IS NULL THEN 0 ELSE coalesce(u.discount_amount, 0) END, u.returned_amount, u.currency, '[]',
    u.used_at, u.reserved_until
FROM discounts_discountcode c JOIN discounts_usage u ON u.code_id = c.id
WHERE c.offer_id = %(offer)s
ORDER BY u.id
FOR UPDATE OF u -- waits for confirmations, which don't lock the code
ON CONFLICT (promotion_id, redemption_id) DO NOTHING
