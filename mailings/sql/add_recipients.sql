-- Plan an email for each recipient of a mailing who has none yet; existing ones stay unchanged.
-- Upholds mail_once_per_recipient.
INSERT INTO mail_mail (mailing_id, recipient, address, name, word, due_at)
SELECT %(mailing)s, planned.recipient, planned.address, planned.name, planned.word, %(at)s
FROM unnest(%(recipients)s::bigint[], %(addresses)s::text[], %(names)s::text[], %(personal_texts)s::text[])
    AS planned (recipient, address, name, word)
ON CONFLICT (mailing_id, recipient) DO NOTHING
