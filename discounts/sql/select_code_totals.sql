-- Sum the confirmed redemptions of a code and their discounts, net of returns, by currency, up to a cap of rows.
-- Upholds no constraint; writes nothing.
SELECT counted.currency, count(*) AS redemptions, coalesce(sum(counted.discount_amount - counted.returned_amount), 0)::bigint AS discount
FROM (
    SELECT currency, discount_amount, returned_amount FROM discounts_usage
    WHERE code_id = %(code)s AND reserved_until IS NULL LIMIT %(cap)s
) counted
GROUP BY counted.currency
