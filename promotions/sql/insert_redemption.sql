-- Writes a redemption's use of a promotion; no row means that its single-use code is taken.
-- Upholds promotions_code_used_once and promotions_use_once_per_redemption.
INSERT INTO promotions_promotionuse
    (promotion_id, redemption_id, customer_id, code, amount, counters, taken_at, held_until)
VALUES (%(promotion)s, %(redemption)s, %(customer)s, %(code)s, %(amount)s, %(counters)s, %(at)s, %(until)s)
ON CONFLICT (code) WHERE NOT code = '' DO NOTHING
RETURNING id
