-- Complete the mailings that are fully planned and have no email left to send.
-- Upholds no constraint: resending an email reopens its mailing.
UPDATE mail_mailing SET state = 'done'
WHERE state = 'sending'
    AND (SELECT due_at FROM mail_mail WHERE mailing_id = mail_mailing.id AND state = 'planned' ORDER BY due_at LIMIT 1) IS NULL
    AND NOT EXISTS (SELECT FROM mail_mail WHERE mailing_id = mail_mailing.id AND state = 'sending')
