-- Delete up to N of the oldest usage notifications of a brand and sum them by code and currency, most redeemed first.
-- Upholds no constraint. The transaction that plans the digest deletes the notifications, so each is sent once.
WITH claimed AS (
    DELETE FROM discounts_usenotice
    WHERE id IN (
        SELECT id FROM discounts_usenotice WHERE brand_id = %(brand)s ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    RETURNING code, currency, used_at, amount, discount_amount
)
SELECT code, currency, count(*) AS uses, min(used_at) AS first, max(used_at) AS last,
    sum(amount)::bigint AS amount, sum(discount_amount)::bigint AS discount
FROM claimed
GROUP BY code, currency
ORDER BY uses DESC, code, currency
