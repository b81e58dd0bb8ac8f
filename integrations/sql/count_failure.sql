-- Counts a failure of a service (or none, when it only asked to be left alone) and keeps its reason.
-- Upholds outside_health_pkey: one row a service, counted by all processes together.
INSERT INTO outside_health AS h (service, failures, error, changed_at)
VALUES (%(service)s, %(failed)s, %(error)s, %(at)s)
ON CONFLICT (service) DO UPDATE SET failures = h.failures + excluded.failures, error = excluded.error, changed_at = excluded.changed_at
RETURNING h.failures
