-- Store events by their IDs and return the new ones.
-- Upholds mail_seenevent_pkey: an event is processed once.
INSERT INTO mail_seenevent (id) SELECT unnest(%(ids)s::text[]) ON CONFLICT DO NOTHING RETURNING id
