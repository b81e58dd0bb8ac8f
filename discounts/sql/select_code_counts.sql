-- Count the confirmed redemptions and the announcement emails of codes. Every count stops at a cap.
-- Upholds no constraint; writes nothing.
SELECT c.id, confirmed.redemptions, planned.mails AS planned, sent.mails AS sent
FROM discounts_discountcode c
LEFT JOIN mail_mailing m ON m.key = 'discount_code:' || c.offer_id
CROSS JOIN LATERAL (
    SELECT count(*) AS redemptions FROM (
        SELECT 1 FROM discounts_usage u WHERE u.code_id = c.id AND u.reserved_until IS NULL LIMIT %(cap)s + 1
    ) counted
) confirmed
CROSS JOIN LATERAL (
    SELECT count(*) AS mails FROM (SELECT 1 FROM mail_mail WHERE mailing_id = m.id LIMIT %(cap)s + 1) counted
) planned
CROSS JOIN LATERAL (
    SELECT count(*) AS mails FROM (
        SELECT 1 FROM mail_mail WHERE mailing_id = m.id AND state = 'sent' LIMIT %(cap)s + 1
    ) counted
) sent
WHERE c.id = ANY(%(codes)s::bigint[])
