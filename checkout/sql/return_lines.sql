-- Add what a refund returns of lines, and of the shipping, to what earlier refunds have returned.
-- Upholds checkout_line_refunded_once and checkout_refund_within_line.
INSERT INTO checkout_refundedline AS l
    (redemption_id, line, quantity, amount, line_quantity, line_amount, discount, refunded_at)
SELECT %(redemption)s, p.line, p.quantity, p.amount, p.line_quantity, p.line_amount, p.discount, %(at)s
FROM jsonb_to_recordset(%(parts)s::jsonb) AS p (
    line text, quantity integer, amount bigint, line_quantity integer, line_amount bigint, discount bigint
)
ORDER BY p.line
ON CONFLICT (redemption_id, line) DO UPDATE
    SET quantity = l.quantity + excluded.quantity, amount = l.amount + excluded.amount,
        discount = l.discount + excluded.discount, refunded_at = excluded.refunded_at
