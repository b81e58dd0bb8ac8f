-- Make a customer's vouchers and first logins of a brand's campaigns those of another one, who has none of the campaign, with the emails about them.
-- Upholds vouchers_one_per_customer, vouchers_firstlogin_pkey and mail_once_per_recipient. Where both have one, each keeps the own.
WITH moved AS (
    UPDATE vouchers_voucher v SET customer_id = %(target)s
    FROM vouchers_campaign c
    WHERE v.campaign_id = c.id AND c.brand_id = %(brand)s AND v.customer_id = %(source)s
        AND (v.redemption_id IS NULL OR v.redemption_id = ANY(%(orders)s::uuid[]))
        AND NOT EXISTS (SELECT FROM vouchers_voucher o WHERE o.campaign_id = c.id AND o.customer_id = %(target)s)
    RETURNING v.campaign_id, v.state, v.expires_at
), mail AS (
    INSERT INTO mail_mail (mailing_id, recipient, address, name, word, due_at)
    SELECT m.id, cu.id, u.email, u.username, to_char(moved.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), %(at)s
    FROM moved
    JOIN mail_mailing m ON m.key = 'vouchers:' || moved.campaign_id
    JOIN accounts_customer cu ON cu.id = %(target)s
    JOIN accounts_user u ON u.id = cu.user_id
    WHERE moved.state IN ('available', 'reserved') AND moved.expires_at > %(at)s AND u.is_active AND u.email <> ''
    ON CONFLICT (mailing_id, recipient) DO NOTHING
)
UPDATE vouchers_firstlogin f SET customer_id = %(target)s
FROM vouchers_campaign c
WHERE f.campaign_id = c.id AND c.brand_id = %(brand)s AND f.customer_id = %(source)s
    AND NOT EXISTS (SELECT FROM vouchers_firstlogin o WHERE o.campaign_id = c.id AND o.customer_id = %(target)s)
