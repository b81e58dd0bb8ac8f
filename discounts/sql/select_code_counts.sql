-- How often each of some codes was used for good, and the mails that announce it: each number counted no further than a cap.
-- Upholds no constraint: it writes nothing.
SELECT c.id, used.uses, planned.mails AS planned, sent.mails AS sent
FROM discounts_discountcode c
LEFT JOIN mail_mailing m ON m.key = 'discount_code:' || c.code
CROSS JOIN LATERAL (
    SELECT count(*) AS uses FROM (
        SELECT 1 FROM discounts_usage u WHERE u.code_id = c.id AND u.reserved_until IS NULL LIMIT %(cap)s + 1
    ) counted
) used
CROSS JOIN LATERAL (
    SELECT count(*) AS mails FROM (SELECT 1 FROM mail_mail WHERE mailing_id = m.id LIMIT %(cap)s + 1) counted
) planned
CROSS JOIN LATERAL (
    SELECT count(*) AS mails FROM (
        SELECT 1 FROM mail_mail WHERE mailing_id = m.id AND state = 'sent' LIMIT %(cap)s + 1
    ) counted
) sent
WHERE c.id = ANY(%(codes)s::bigint[])
