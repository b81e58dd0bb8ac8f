-- Select the customers among those named who are subscribed to a brand's marketing emails, with their address, name and language.
-- Upholds no constraint: it writes nothing.
SELECT c.id, u.email AS address, u.username AS name, coalesce(nullif(u.language, ''), b.language) AS language
FROM accounts_customer c
JOIN accounts_user u ON u.id = c.user_id
JOIN accounts_brand b ON b.id = %(brand)s
WHERE c.id = ANY(%(customers)s::bigint[]) AND u.is_active AND u.marketing_consent AND u.email_verified_at IS NOT NULL AND u.email <> ''
ORDER BY c.id
