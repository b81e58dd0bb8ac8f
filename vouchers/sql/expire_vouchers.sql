-- Mark available vouchers as expired after their expiry date, oldest first, with their events. Skips locked vouchers.
-- Upholds no constraint; an expired voucher stays expired.
WITH due AS MATERIALIZED (
    SELECT id FROM vouchers_voucher
    WHERE state = 'available' AND expires_at <= %(at)s
    ORDER BY expires_at
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
), expired AS (
    UPDATE vouchers_voucher v SET state = 'expired' FROM due WHERE v.id = due.id
    RETURNING v.id, v.campaign_id, v.customer_id, v.rank, v.expires_at
)
INSERT INTO redemptions_event (type, created_at, brand_id, kind, offer_id, customer_id, data)
SELECT 'voucher.expired', %(at)s, c.brand_id, 'voucher', c.id, v.customer_id,
    jsonb_build_object('voucher', v.id, 'rank', v.rank, 'effective_at', v.expires_at)
FROM expired v JOIN vouchers_campaign c ON c.id = v.campaign_id
