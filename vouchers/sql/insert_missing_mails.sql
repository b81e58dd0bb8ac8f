-- Plan the emails about vouchers whose customers have a verified address and no email of the campaign.
-- Upholds mail_once_per_recipient.
INSERT INTO mail_mail (mailing_id, recipient, address, name, word, due_at)
SELECT m.id, v.customer_id, u.email, u.username, to_char(v.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), %(at)s
FROM vouchers_voucher v
JOIN vouchers_campaign c ON c.id = v.campaign_id
JOIN mail_mailing m ON m.key = 'vouchers:' || c.id
JOIN accounts_customer cu ON cu.id = v.customer_id
JOIN accounts_user u ON u.id = cu.user_id
WHERE v.id = ANY(%(vouchers)s::uuid[]) AND u.email <> '' AND u.email_verified_at IS NOT NULL
ON CONFLICT (mailing_id, recipient) DO NOTHING
