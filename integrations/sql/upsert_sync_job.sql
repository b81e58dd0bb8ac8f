-- Request a sync of the current version of each object; a sync in progress then sends an older version.
-- Upholds outside_errand_once, outside_errand_acknowledged.
INSERT INTO outside_errand AS e (service, subject, version, acknowledged, cursor, page, sent, due_at, failures, error, wanted_at)
SELECT %(service)s, subject, 1, 0, 0, 0, 0, %(at)s, 0, '', %(at)s
FROM unnest(%(subjects)s::uuid[]) AS requested (subject)
ORDER BY subject
ON CONFLICT (service, subject) DO UPDATE
SET version = e.version + 1,
    wanted_at = CASE WHEN e.acknowledged < e.version THEN e.wanted_at ELSE excluded.wanted_at END,
    due_at = CASE WHEN e.acknowledged < e.version THEN least(e.due_at, excluded.due_at) ELSE excluded.due_at END
