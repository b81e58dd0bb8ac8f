-- Reassign revoked and expired vouchers to the first customers on the waiting list, with events and emails. The caller locks the counter.
-- Upholds vouchers_rank_once, vouchers_passed_on_once, vouchers_passed_on_is_over, vouchers_one_per_customer and mail_once_per_recipient.
WITH campaign AS (
    SELECT c.id, c.brand_id, make_interval(days => c.voucher_valid_days) AS valid, m.id AS mailing_id, n.quota
    FROM vouchers_campaign c
    JOIN vouchers_campaigncounter n ON n.campaign_id = c.id
    LEFT JOIN mail_mailing m ON m.key = 'vouchers:' || c.id
    WHERE c.id = %(campaign)s
), unused AS (
    SELECT id, row_number() OVER (ORDER BY rank) AS number
    FROM vouchers_voucher
    WHERE campaign_id = %(campaign)s AND state IN ('expired', 'revoked') AND passed_on_to IS NULL
    ORDER BY rank
    LIMIT cardinality(%(ids)s::uuid[])
), waiting AS (
    SELECT f.customer_id, row_number() OVER (ORDER BY f.arrived) AS number
    FROM vouchers_firstlogin f
    WHERE f.campaign_id = %(campaign)s
        AND NOT EXISTS (SELECT FROM vouchers_voucher v WHERE v.campaign_id = f.campaign_id AND v.customer_id = f.customer_id)
    ORDER BY f.arrived
    LIMIT (SELECT count(*) FROM unused)
), reassigned AS ( -- updated before the rank is issued again, since the next statement reads from here
    UPDATE vouchers_voucher v SET passed_on_to = (%(ids)s::uuid[])[unused.number]
    FROM unused JOIN waiting USING (number)
    WHERE v.id = unused.id
    RETURNING v.passed_on_to AS id, v.id AS former, v.rank, waiting.customer_id
), issued AS (
    INSERT INTO vouchers_voucher (id, campaign_id, customer_id, rank, quota, state, created_at, expires_at)
    SELECT reassigned.id, campaign.id, reassigned.customer_id, reassigned.rank, campaign.quota, 'available', %(at)s::timestamptz,
        %(at)s::timestamptz + campaign.valid
    FROM reassigned, campaign
    RETURNING id, customer_id, rank, created_at, expires_at
), event AS (
    INSERT INTO redemptions_event (type, created_at, brand_id, kind, offer_id, customer_id, data)
    SELECT 'voucher.reassigned', issued.created_at, campaign.brand_id, 'voucher', campaign.id, issued.customer_id,
        jsonb_build_object('voucher', issued.id, 'rank', issued.rank, 'former_voucher', reassigned.former)
    FROM issued JOIN reassigned USING (id) CROSS JOIN campaign
), mail AS (
    INSERT INTO mail_mail (mailing_id, recipient, address, name, word, due_at)
    SELECT campaign.mailing_id, issued.customer_id, u.email, u.username,
        to_char(issued.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), issued.created_at
    FROM issued
    JOIN accounts_customer cu ON cu.id = issued.customer_id
    JOIN accounts_user u ON u.id = cu.user_id
    CROSS JOIN campaign
    WHERE u.is_active AND u.email <> '' AND u.email_verified_at IS NOT NULL AND campaign.mailing_id IS NOT NULL
    ON CONFLICT (mailing_id, recipient) DO NOTHING
)
SELECT count(*) AS served FROM issued
