-- Return the codes whose canonical form has this SHA-256 and that are not archived, with their brands, oldest first.
-- Upholds no constraint: it writes nothing; redemptions_code_once_per_brand leaves at most one code of each brand.
SELECT c.id, c.text, c.canonical, c.kind, c.offer, c.brand_id, b.slug AS brand, c.customer_id AS customer, c.single_use, c.expires_at,
    c.revoked_at
FROM promotions_code c
JOIN accounts_brand b ON b.id = c.brand_id
WHERE sha256(c.canonical::bytea) = %(digest)s AND c.archived_at IS NULL
ORDER BY c.id
