-- Suppress addresses; existing suppressions stay unchanged.
-- Upholds mail_suppressed_once, mail_suppression_lower.
INSERT INTO mail_suppression (address, sender, reason, note)
SELECT lower(added.address), added.sender, added.reason, added.note
FROM unnest(%(addresses)s::text[], %(senders)s::text[], %(reasons)s::text[], %(notes)s::text[]) AS added (address, sender, reason, note)
ON CONFLICT (address, sender, reason) DO NOTHING
