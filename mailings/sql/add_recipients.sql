-- Plans one mail for each recipient of a mailing that has none yet; recipients that are there already stay as they are.
-- Upholds: mail_once_per_recipient.
INSERT INTO mail_mail (mailing_id, recipient, address, name, word, due_at)
SELECT %(mailing)s, planned.recipient, planned.address, planned.name, planned.word, %(at)s
FROM unnest(%(recipients)s::bigint[], %(addresses)s::text[], %(names)s::text[], %(words)s::text[])
    AS planned (recipient, address, name, word)
ON CONFLICT (mailing_id, recipient) DO NOTHING
