-- Select the next codes of a batch that are assigned to no customer, not revoked and not expired, in order.
-- Upholds no constraint: it writes nothing.
SELECT text FROM promotions_code
WHERE batch_id = %(batch)s AND customer_id IS NULL AND archived_at IS NULL AND revoked_at IS NULL AND text > %(after)s
    AND (expires_at IS NULL OR expires_at > %(at)s)
ORDER BY text
LIMIT %(limit)s
