-- Takes a brand's oldest notices of uses out of the queue and sums them up by code and currency, most used first.
-- Upholds: a use is told once, since its notice goes in the transaction that plans the mail.
WITH taken AS (
    DELETE FROM discounts_usenotice
    WHERE id IN (
        SELECT id FROM discounts_usenotice WHERE brand_id = %(brand)s ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    RETURNING code, currency, used_at, amount, discount_amount
)
SELECT code, currency, count(*) AS uses, min(used_at) AS first, max(used_at) AS last,
    sum(amount)::bigint AS amount, sum(discount_amount)::bigint AS discount
FROM taken
GROUP BY code, currency
ORDER BY uses DESC, code, currency
