-- A code's final uses and what they took off, by currency, counted no further than a cap.
-- Upholds no constraint: it writes nothing.
SELECT counted.currency, count(*) AS uses, coalesce(sum(counted.discount_amount), 0)::bigint AS given
FROM (
    SELECT currency, discount_amount FROM discounts_usage
    WHERE code_id = %(code)s AND reserved_until IS NULL LIMIT %(cap)s
) counted
GROUP BY counted.currency
