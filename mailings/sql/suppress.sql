-- Leaves addresses alone from now on; the ones that are left alone already stay as they are.
-- Upholds: mail_suppressed_once, mail_suppression_lower.
INSERT INTO mail_suppression (address, sender, reason, note)
SELECT lower(wish.address), wish.sender, wish.reason, wish.note
FROM unnest(%(addresses)s::text[], %(senders)s::text[], %(reasons)s::text[], %(notes)s::text[]) AS wish (address, sender, reason, note)
ON CONFLICT (address, sender, reason) DO NOTHING
