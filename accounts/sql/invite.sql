-- Insert an invitation for an address, or renew the open one: an address has at most one open invitation per brand.
-- Upholds accounts_invitation_once.
INSERT INTO accounts_invitation (id, brand_id, email, role, invited_by_id, created_at, expires_at)
VALUES (%(id)s, %(brand_id)s, %(email)s, %(role)s, %(invited_by_id)s, %(created_at)s, %(expires_at)s)
ON CONFLICT (brand_id, LOWER(email)) WHERE accepted_at IS NULL
DO UPDATE SET role = EXCLUDED.role, invited_by_id = EXCLUDED.invited_by_id, expires_at = EXCLUDED.expires_at
RETURNING id
