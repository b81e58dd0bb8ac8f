-- Sum the confirmed redemptions of discount codes in a range of transactions by brand, code and currency, most redeemed first.
-- Upholds no constraint; writes nothing. The caller moves its position among the events in the same transaction.
SELECT brand_id, code, nullif(currency, '') AS currency, count(*) AS uses, min(created_at) AS first, max(created_at) AS last,
    sum(subtotal)::bigint AS amount, sum(amount)::bigint AS discount
FROM redemptions_event
WHERE tx >= %(tx)s AND tx < %(until)s AND type = 'redemption.confirmed' AND kind = 'discount_code'
GROUP BY brand_id, code, currency
ORDER BY brand_id, uses DESC, code, currency
