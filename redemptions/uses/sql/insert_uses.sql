-- Insert uses of offers. Returns those that were inserted: not those of single-use codes that are already used.
-- Upholds promotions_code_used_once and promotions_use_once_per_redemption.
INSERT INTO promotions_promotionuse
    (kind, promotion_id, redemption_id, customer_id, code, amount, currency, counters, taken_at, held_until, identities, grant_key)
SELECT kind, offer, %(redemption)s, %(customer)s, code, amount, %(currency)s, counters, %(at)s, %(until)s, identities, grant_key
FROM json_to_recordset(%(uses)s::json)
    AS u (kind varchar, offer uuid, code varchar, amount bigint, counters jsonb, identities jsonb, grant_key uuid)
ORDER BY offer
ON CONFLICT (promotion_id, code) WHERE NOT code = '' DO NOTHING
RETURNING promotion_id
