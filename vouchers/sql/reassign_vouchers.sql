-- Gives the ranks of vouchers that were revoked, or expired unused, to the first in line, with their mails. The counter is locked before.
-- Upholds vouchers_rank_once, vouchers_passed_on_once, vouchers_passed_on_is_over, vouchers_one_per_customer and mail_once_per_recipient.
WITH campaign AS (
    SELECT c.id, make_interval(days => c.voucher_valid_days) AS valid, b.timezone, m.id AS mailing_id, n.quota
    FROM vouchers_campaign c
    JOIN accounts_brand b ON b.id = c.brand_id
    JOIN vouchers_campaigncounter n ON n.campaign_id = c.id
    LEFT JOIN mail_mailing m ON m.key = 'vouchers:' || c.id
    WHERE c.id = %(campaign)s
), lost AS (
    SELECT id, row_number() OVER (ORDER BY rank) AS turn
    FROM vouchers_voucher
    WHERE campaign_id = %(campaign)s AND state IN ('expired', 'revoked') AND passed_on_to IS NULL
    ORDER BY rank
    LIMIT cardinality(%(ids)s::uuid[])
), waiting AS (
    SELECT f.customer_id, row_number() OVER (ORDER BY f.arrived) AS turn
    FROM vouchers_firstlogin f
    WHERE f.campaign_id = %(campaign)s
        AND NOT EXISTS (SELECT FROM vouchers_voucher v WHERE v.campaign_id = f.campaign_id AND v.customer_id = f.customer_id)
    ORDER BY f.arrived
    LIMIT (SELECT count(*) FROM lost)
), passed AS ( -- each row is let go before its rank is given again: who reads this waits for it
    UPDATE vouchers_voucher v SET passed_on_to = (%(ids)s::uuid[])[lost.turn]
    FROM lost JOIN waiting USING (turn)
    WHERE v.id = lost.id
    RETURNING v.passed_on_to AS id, v.rank, waiting.customer_id
), served AS (
    INSERT INTO vouchers_voucher (id, campaign_id, customer_id, rank, quota, state, created_at, expires_at)
    SELECT passed.id, campaign.id, passed.customer_id, passed.rank, campaign.quota, 'available', %(at)s::timestamptz,
        %(at)s::timestamptz + campaign.valid
    FROM passed, campaign
    RETURNING customer_id, created_at, expires_at
), told AS (
    INSERT INTO mail_mail (mailing_id, recipient, address, name, word, due_at)
    SELECT campaign.mailing_id, served.customer_id, u.email, u.username,
        to_char(served.expires_at AT TIME ZONE campaign.timezone, 'FMDD FMMonth YYYY, HH24:MI'), served.created_at
    FROM served
    JOIN accounts_customer cu ON cu.id = served.customer_id
    JOIN accounts_user u ON u.id = cu.user_id
    CROSS JOIN campaign
    WHERE u.is_active AND u.email <> '' AND campaign.mailing_id IS NOT NULL
    ON CONFLICT (mailing_id, recipient) DO NOTHING
)
SELECT count(*) AS served FROM served
