-- Select the customers among those named who are subscribed to a brand's marketing emails, with their address, name and language.
-- Upholds no constraint: it writes nothing. An account of the customer takes precedence over the brand's profile.
SELECT c.id,
    CASE WHEN u.id IS NULL THEN p.email ELSE u.email END AS address,
    CASE WHEN u.id IS NULL THEN coalesce(nullif(p.name, ''), c.customer_id) ELSE u.username END AS name,
    coalesce(nullif(u.language, ''), nullif(p.language, ''), b.language) AS language
FROM accounts_customer c
JOIN accounts_brand b ON b.id = %(brand)s
LEFT JOIN accounts_user u ON u.id = c.user_id
LEFT JOIN accounts_customerprofile p ON p.customer_id = c.id AND p.brand_id = b.id
WHERE c.id = ANY(%(customers)s::bigint[])
    AND CASE WHEN u.id IS NULL THEN p.marketing_consent AND p.email <> ''
        ELSE u.is_active AND u.marketing_consent AND u.email_verified_at IS NOT NULL AND u.email <> '' END
ORDER BY c.id
