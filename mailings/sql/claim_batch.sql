-- Claim due emails of a mailing for one worker: those with a suppressed address become suppressed, the others sending.
-- Upholds mail_claim: an email that one worker has claimed is never claimed by another.
WITH due AS (
    SELECT id, lower(address) AS address FROM mail_mail
    WHERE mailing_id = %(mailing)s AND state = 'planned' AND due_at <= %(at)s
    ORDER BY due_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), checked AS (
    SELECT due.id, (
        SELECT min(reason) FROM mail_suppression
        WHERE address = due.address AND sender IN ('', %(sender)s) AND (%(marketing)s OR reason = 'bounce')
    ) AS reason
    FROM due
)
UPDATE mail_mail
SET state = CASE WHEN reason IS NULL THEN 'sending' ELSE 'suppressed' END,
    error = coalesce(reason, ''),
    attempts = attempts + CASE WHEN reason IS NULL THEN 1 ELSE 0 END,
    batch = %(batch)s,
    claimed_at = %(at)s
FROM checked
WHERE mail_mail.id = checked.id
RETURNING mail_mail.id, recipient, address, name, word, attempts, state
