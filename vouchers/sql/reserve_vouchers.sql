-- Reserve a customer's vouchers for a redemption, in the order of their IDs. Return each voucher and whether it is reserved now.
-- Upholds vouchers_voucher_hold: a voucher is in one redemption at a time; an expired reservation is replaced.
WITH requested AS MATERIALIZED (
    SELECT id, state, expires_at, reserved_until FROM vouchers_voucher
    WHERE id = ANY(%(ids)s::uuid[]) AND customer_id = %(customer)s
    ORDER BY id
    FOR NO KEY UPDATE
), reserved AS (
    UPDATE vouchers_voucher v SET state = 'reserved', redemption_id = %(redemption)s, reserved_until = %(until)s
    FROM requested r
    WHERE v.id = r.id AND r.expires_at > %(at)s
        AND (r.state = 'available' OR (r.state = 'reserved' AND r.reserved_until <= %(at)s))
    RETURNING v.id
)
SELECT requested.id, requested.state, requested.expires_at, requested.id IN (SELECT id FROM reserved) AS is_reserved FROM requested
