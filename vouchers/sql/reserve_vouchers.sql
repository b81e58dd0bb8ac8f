-- Reserve a customer's vouchers for a redemption, in the order of their IDs. Return each voucher with its campaign's limits, locked, and whether it is reserved now.
-- Upholds vouchers_voucher_hold: a voucher is in one redemption at a time; an expired reservation is replaced.
WITH requested AS MATERIALIZED (
    SELECT v.id, v.state, v.expires_at, v.reserved_until, v.campaign_id, c.brand_id, c.currency, c.budget, c.other_budgets, c.max_per_order,
        c.max_per_customer, c.limit_per_day, c.limit_per_week, c.limit_per_month, c.limit_units, b.timezone
    FROM vouchers_voucher v
    JOIN vouchers_campaign c ON c.id = v.campaign_id
    JOIN accounts_brand b ON b.id = c.brand_id
    WHERE v.id = ANY(%(ids)s::uuid[]) AND v.customer_id = %(customer)s
    ORDER BY v.id
    FOR NO KEY UPDATE OF v FOR KEY SHARE OF c
), reserved AS (
    UPDATE vouchers_voucher v SET state = 'reserved', redemption_id = %(redemption)s, reserved_until = %(until)s
    FROM requested r
    WHERE v.id = r.id AND r.expires_at > %(at)s
        AND (r.state = 'available' OR (r.state = 'reserved' AND r.reserved_until <= %(at)s))
    RETURNING v.id
)
SELECT requested.*, requested.id IN (SELECT id FROM reserved) AS is_reserved FROM requested
