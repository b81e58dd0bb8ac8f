-- Closes the mailings that are planned to the end and have no mail left to send.
-- Upholds: nothing; a mailing that is resent in part is opened again by whoever resends.
UPDATE mail_mailing SET state = 'done'
WHERE state = 'sending'
    AND (SELECT due_at FROM mail_mail WHERE mailing_id = mail_mailing.id AND state = 'planned' ORDER BY due_at LIMIT 1) IS NULL
    AND NOT EXISTS (SELECT FROM mail_mail WHERE mailing_id = mail_mailing.id AND state = 'sending')
