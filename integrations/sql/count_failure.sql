-- Count a failure of a service (none if it only asked to wait) and store its reason.
-- Upholds outside_health_pkey: one row per service, in which all processes count together.
INSERT INTO outside_health AS h (service, failures, error, changed_at)
VALUES (%(service)s, %(failed)s, %(error)s, %(at)s)
ON CONFLICT (service) DO UPDATE SET failures = h.failures + excluded.failures, error = excluded.error, changed_at = excluded.changed_at
RETURNING h.failures
