-- Remembers events by their ids and answers the ones that are new.
-- Upholds: mail_seenevent_pkey (an event is acted on once).
INSERT INTO mail_seenevent (id) SELECT unnest(%(ids)s::text[]) ON CONFLICT DO NOTHING RETURNING id
