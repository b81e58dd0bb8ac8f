-- Select the languages in which a brand writes to customers.
-- Upholds no constraint: it writes nothing.
SELECT c.id, coalesce(nullif(u.language, ''), nullif(p.language, ''), b.language) AS language
FROM accounts_customer c
JOIN accounts_brand b ON b.id = %(brand)s
LEFT JOIN accounts_user u ON u.id = c.user_id
LEFT JOIN accounts_customerprofile p ON p.customer_id = c.id AND p.brand_id = b.id
WHERE c.id = ANY(%(customers)s::bigint[])
