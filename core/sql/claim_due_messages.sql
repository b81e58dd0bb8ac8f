-- Takes due promises, each by one relay only, and counts the attempt; a row past its attempts is parked by whoever settles it.
-- Upholds kernel_outboxmessage_pkey: nothing promised is lost, a row goes only when its task has succeeded.
WITH due AS MATERIALIZED (
    SELECT id FROM kernel_outboxmessage
    WHERE parked_at IS NULL AND due_at <= statement_timestamp()
    ORDER BY due_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE kernel_outboxmessage m
SET due_at = statement_timestamp() + %(handover)s, attempts = attempts + 1
FROM due
WHERE m.id = due.id
RETURNING m.id, m.task, m.kwargs, m.attempts, m.due_at
