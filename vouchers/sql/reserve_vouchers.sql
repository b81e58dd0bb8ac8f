-- Holds a shopper's vouchers for a redemption, in the order of their ids; answers each voucher and whether it is held now.
-- Upholds vouchers_voucher_hold: a voucher is in one redemption at a time; an expired hold gives way at once.
WITH wanted AS MATERIALIZED (
    SELECT id, state, expires_at, reserved_until FROM vouchers_voucher
    WHERE id = ANY(%(ids)s::uuid[]) AND customer_id = %(customer)s
    ORDER BY id
    FOR NO KEY UPDATE
), held AS (
    UPDATE vouchers_voucher v SET state = 'reserved', redemption_id = %(redemption)s, reserved_until = %(until)s
    FROM wanted w
    WHERE v.id = w.id AND w.expires_at > %(at)s
        AND (w.state = 'available' OR (w.state = 'reserved' AND w.reserved_until <= %(at)s))
    RETURNING v.id
)
SELECT wanted.id, wanted.state, wanted.expires_at, wanted.id IN (SELECT id FROM held) AS held FROM wanted
