-- Plan the suppressed emails of a mailing to some recipients again, with their present address, name and text.
-- Upholds mail_once_per_recipient: a suppressed email was not sent, and the row stays the only one.
UPDATE mail_mail
SET state = 'planned', address = planned.address, name = planned.name, word = planned.word, due_at = %(at)s,
    attempts = 0, batch = NULL, claimed_at = NULL, error = ''
FROM unnest(%(recipients)s::bigint[], %(addresses)s::text[], %(names)s::text[], %(personal_texts)s::text[])
    AS planned (recipient, address, name, word)
WHERE mail_mail.mailing_id = %(mailing)s AND mail_mail.recipient = planned.recipient AND mail_mail.state = 'suppressed'
