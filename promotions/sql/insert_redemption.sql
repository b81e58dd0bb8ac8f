-- Insert the redemption of a promotion. Returns no row if its single-use code was already redeemed.
-- Upholds promotions_code_used_once and promotions_use_once_per_redemption.
INSERT INTO promotions_promotionuse
    (promotion_id, redemption_id, customer_id, code, amount, counters, taken_at, held_until)
VALUES (%(promotion)s, %(redemption)s, %(customer)s, %(code)s, %(amount)s, %(counters)s, %(at)s, %(until)s)
ON CONFLICT (code) WHERE NOT code = '' DO NOTHING
RETURNING id
