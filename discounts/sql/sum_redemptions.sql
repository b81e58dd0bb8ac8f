-- Sum the confirmed redemptions of discount codes in a range of transactions by brand, offer and currency, most redeemed first.
-- Upholds no constraint; writes nothing. The caller moves its position among the events in the same transaction.
SELECT e.brand_id, coalesce(c.code, e.code) AS code, nullif(e.currency, '') AS currency, count(*) AS uses, min(e.created_at) AS first, max(e.created_at) AS last,
    sum(subtotal)::bigint AS amount, sum(e.amount)::bigint AS discount
FROM redemptions_event e
LEFT JOIN discounts_discountcode c ON c.offer_id = e.offer_id
WHERE e.tx >= %(tx)s AND e.tx < %(until)s AND e.type = 'redemption.confirmed' AND e.kind = 'discount_code'
GROUP BY e.brand_id, coalesce(c.code, e.code), e.currency
ORDER BY 1, uses DESC, 2, 3
