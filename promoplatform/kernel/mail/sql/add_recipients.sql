-- Plans one mail for each recipient of a mailing that has none yet; recipients that are there already stay as they are.
-- Upholds: mail_once_per_recipient.
INSERT INTO mail_mail (mailing_id, recipient, address, name, due_at)
SELECT %(mailing)s, planned.recipient, planned.address, planned.name, %(at)s
FROM unnest(%(recipients)s::bigint[], %(addresses)s::text[], %(names)s::text[]) AS planned (recipient, address, name)
ON CONFLICT (mailing_id, recipient) DO NOTHING
