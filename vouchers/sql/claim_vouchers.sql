-- Decides who of those who arrive at a campaign gets a voucher: first logins, counter, vouchers and their mails, in one statement.
-- Upholds vouchers_firstlogin_pkey, vouchers_event_once, vouchers_counter_within_quota, vouchers_rank_once, vouchers_rank_within_quota, vouchers_one_per_customer and mail_once_per_recipient.
WITH campaign AS (
    SELECT c.id, c.slug, c.name, c.description, c.discount, c.voucher_type, c.starts_at, c.ends_at,
        c.state = 'open' AND b.is_active AS is_open, make_interval(days => c.voucher_valid_days) AS valid,
        b.timezone, m.id AS mailing_id
    FROM vouchers_campaign c
    JOIN accounts_brand b ON b.id = c.brand_id
    LEFT JOIN mail_mailing m ON m.key = 'vouchers:' || c.id
    WHERE c.slug = %(campaign)s
), asked AS (
    SELECT a.place, a.customer_id, a.at, a.event, a.voucher_id, u.email, u.username, cu.id IS NOT NULL AND coalesce(u.is_active, true) AS is_active,
        campaign.is_open AND campaign.starts_at <= a.at AND a.at < campaign.ends_at AS is_open
    FROM unnest(%(customers)s::bigint[], %(instants)s::timestamptz[], %(events)s::text[], %(ids)s::uuid[]) WITH ORDINALITY
        AS a (customer_id, at, event, voucher_id, place)
    CROSS JOIN campaign
    LEFT JOIN accounts_customer cu ON cu.id = a.customer_id
    LEFT JOIN accounts_user u ON u.id = cu.user_id
), coming AS MATERIALIZED (
    SELECT once.*, nextval('vouchers_arrivals') AS arrived -- after the sort, so in the order of asking
    FROM (
        SELECT * FROM (
            SELECT DISTINCT ON (customer_id) * FROM asked WHERE is_active AND is_open ORDER BY customer_id, place
        ) firsts
        ORDER BY place
    ) once
), new AS (
    INSERT INTO vouchers_firstlogin (campaign_id, customer_id, at, arrived, event)
    SELECT campaign.id, coming.customer_id, coming.at, coming.arrived, coming.event FROM coming, campaign
    ORDER BY coming.customer_id -- the same in every process: who waits for another's row never makes a circle
    ON CONFLICT DO NOTHING -- this customer, or this event, was here before
    RETURNING customer_id
), room AS MATERIALIZED ( -- the counter is locked last, and only while something is left
    SELECT issued, quota FROM vouchers_campaigncounter
    WHERE campaign_id = (SELECT id FROM campaign) AND issued < quota AND EXISTS (SELECT FROM new)
    FOR NO KEY UPDATE
), counted AS ( -- from the row itself: the constraint looks at what would become of an older version of it, too
    UPDATE vouchers_campaigncounter c SET issued = least(c.quota, c.issued + (SELECT count(*) FROM new))
    FROM room
    WHERE c.campaign_id = (SELECT id FROM campaign)
), won AS (
    INSERT INTO vouchers_voucher (id, campaign_id, customer_id, rank, quota, state, created_at, expires_at)
    SELECT line.voucher_id, campaign.id, line.customer_id, room.issued + line.turn, room.quota, 'available', line.at, line.at + campaign.valid
    FROM (SELECT coming.*, row_number() OVER (ORDER BY place) AS turn FROM coming JOIN new USING (customer_id)) line, room, campaign
    WHERE room.issued + line.turn <= room.quota
    RETURNING id, customer_id, rank, state, created_at, expires_at
), told AS (
    INSERT INTO mail_mail (mailing_id, recipient, address, name, word, due_at)
    SELECT campaign.mailing_id, won.customer_id, coming.email, coming.username,
        to_char(won.expires_at AT TIME ZONE campaign.timezone, 'FMDD FMMonth YYYY, HH24:MI'), won.created_at
    FROM won JOIN coming USING (customer_id) CROSS JOIN campaign
    WHERE coming.email <> '' AND campaign.mailing_id IS NOT NULL
    ORDER BY won.customer_id
    ON CONFLICT (mailing_id, recipient) DO NOTHING
)
SELECT asked.place, asked.customer_id, asked.at, asked.is_active, asked.is_open, campaign.id AS campaign_id, campaign.slug AS campaign, campaign.name,
    campaign.description, campaign.discount, campaign.voucher_type,
    (new.customer_id IS NOT NULL AND coming.place = asked.place) OR had.id IS NOT DISTINCT FROM asked.voucher_id AS is_first,
    new.customer_id IS NOT NULL OR EXISTS (
        SELECT FROM vouchers_firstlogin f WHERE f.campaign_id = campaign.id AND f.customer_id = asked.customer_id
    ) AS is_known,
    coalesce(won.id, had.id) AS id, coalesce(won.rank, had.rank) AS rank, coalesce(won.state, had.state) AS state,
    coalesce(won.created_at, had.created_at) AS created_at, coalesce(won.expires_at, had.expires_at) AS expires_at,
    had.reserved_until
FROM asked
CROSS JOIN campaign
LEFT JOIN coming USING (customer_id)
LEFT JOIN new USING (customer_id)
LEFT JOIN won USING (customer_id)
LEFT JOIN vouchers_voucher had ON had.campaign_id = campaign.id AND had.customer_id = asked.customer_id
ORDER BY asked.place
