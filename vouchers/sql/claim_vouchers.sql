-- Record first logins in a campaign, in order, and issue the vouchers that are left, with their events and emails.
-- Upholds vouchers_firstlogin_pkey, vouchers_event_once, vouchers_counter_within_quota, vouchers_rank_once, vouchers_rank_within_quota, vouchers_one_per_customer and mail_once_per_recipient.
WITH campaign AS (
    SELECT c.id, c.brand_id, c.slug, c.name, c.description, c.discount, c.voucher_type, c.decision, c.starts_at, c.ends_at,
        b.is_active AS brand_is_active, make_interval(days => c.voucher_valid_days) AS valid,
        m.id AS mailing_id
    FROM vouchers_campaign c
    JOIN accounts_brand b ON b.id = c.brand_id
    LEFT JOIN mail_mailing m ON m.key = 'vouchers:' || c.id
    WHERE c.slug = %(campaign)s AND (%(brand)s::uuid IS NULL OR c.brand_id = %(brand)s)
), request AS (
    SELECT r.position, r.customer_id, r.at, r.event, r.voucher_id, CASE WHEN u.email_verified_at IS NULL THEN '' ELSE u.email END AS email, u.username, cu.id IS NOT NULL AND coalesce(u.is_active, true) AS is_active,
        campaign.brand_is_active AND offer_status(campaign.decision, campaign.starts_at, campaign.ends_at, r.at) = 'active' AS is_open
    FROM unnest(%(customers)s::bigint[], %(times)s::timestamptz[], %(events)s::text[], %(ids)s::uuid[]) WITH ORDINALITY
        AS r (customer_id, at, event, voucher_id, position)
    CROSS JOIN campaign
    LEFT JOIN accounts_customer cu ON cu.id = r.customer_id
    LEFT JOIN accounts_user u ON u.id = cu.user_id
), login AS MATERIALIZED (
    SELECT sorted.*, nextval('vouchers_arrivals') AS arrived -- after the sort, so in the order of the requests
    FROM (
        SELECT * FROM (
            SELECT DISTINCT ON (customer_id) * FROM request WHERE is_active AND is_open ORDER BY customer_id, position
        ) firsts
        ORDER BY position
    ) sorted
), new_login AS (
    INSERT INTO vouchers_firstlogin (campaign_id, customer_id, at, arrived, event)
    SELECT campaign.id, login.customer_id, login.at, login.arrived, login.event FROM login, campaign
    ORDER BY login.customer_id -- one order in every process, so that two of them never deadlock
    ON CONFLICT DO NOTHING -- the login of this customer, or this event, is known
    RETURNING customer_id
), counter AS MATERIALIZED ( -- the counter is locked last, and only while vouchers are left
    SELECT issued, quota FROM vouchers_campaigncounter
    WHERE campaign_id = (SELECT id FROM campaign) AND issued < quota AND EXISTS (SELECT FROM new_login)
    FOR NO KEY UPDATE
), updated_counter AS ( -- computed from the row itself, since the constraint is checked on its older version, too
    UPDATE vouchers_campaigncounter c SET issued = least(c.quota, c.issued + (SELECT count(*) FROM new_login))
    FROM counter
    WHERE c.campaign_id = (SELECT id FROM campaign)
), issued AS (
    INSERT INTO vouchers_voucher (id, campaign_id, customer_id, rank, quota, state, created_at, expires_at)
    SELECT numbered.voucher_id, campaign.id, numbered.customer_id, counter.issued + numbered.number, counter.quota, 'available', numbered.at,
        numbered.at + campaign.valid
    FROM (SELECT login.*, row_number() OVER (ORDER BY position) AS number FROM login JOIN new_login USING (customer_id)) numbered, counter, campaign
    WHERE counter.issued + numbered.number <= counter.quota
    RETURNING id, customer_id, rank, state, created_at, expires_at
), event AS (
    INSERT INTO redemptions_event (type, created_at, brand_id, kind, offer_id, customer_id, data)
    SELECT 'voucher.granted', issued.created_at, campaign.brand_id, 'voucher', campaign.id, issued.customer_id,
        jsonb_build_object('voucher', issued.id, 'rank', issued.rank)
    FROM issued, campaign
), mail AS (
    INSERT INTO mail_mail (mailing_id, recipient, address, name, word, due_at)
    SELECT campaign.mailing_id, issued.customer_id, login.email, login.username,
        to_char(issued.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), issued.created_at
    FROM issued JOIN login USING (customer_id) CROSS JOIN campaign
    WHERE login.email <> '' AND campaign.mailing_id IS NOT NULL
    ORDER BY issued.customer_id
    ON CONFLICT (mailing_id, recipient) DO NOTHING
)
SELECT request.position, request.customer_id, request.at, request.is_active, request.is_open, campaign.id AS campaign_id, campaign.slug AS campaign,
    campaign.name, campaign.description, campaign.discount, campaign.voucher_type,
    (new_login.customer_id IS NOT NULL AND login.position = request.position) OR existing.id IS NOT DISTINCT FROM request.voucher_id AS is_first,
    new_login.customer_id IS NOT NULL OR EXISTS (
        SELECT FROM vouchers_firstlogin f WHERE f.campaign_id = campaign.id AND f.customer_id = request.customer_id
    ) AS is_known,
    coalesce(issued.id, existing.id) AS id, coalesce(issued.rank, existing.rank) AS rank, coalesce(issued.state, existing.state) AS state,
    coalesce(issued.created_at, existing.created_at) AS created_at, coalesce(issued.expires_at, existing.expires_at) AS expires_at,
    existing.reserved_until
FROM request
CROSS JOIN campaign
LEFT JOIN login USING (customer_id)
LEFT JOIN new_login USING (customer_id)
LEFT JOIN issued USING (customer_id)
LEFT JOIN vouchers_voucher existing ON existing.campaign_id = campaign.id AND existing.customer_id = request.customer_id
ORDER BY request.position
