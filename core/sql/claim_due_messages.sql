-- Claim due outbox messages, each for one relay only, and count the attempt; the caller dead-letters a row past its attempts.
-- Upholds kernel_outboxmessage_pkey: no message is lost, and a row is deleted only after its task has succeeded.
WITH due AS MATERIALIZED (
    SELECT id FROM kernel_outboxmessage
    WHERE parked_at IS NULL AND due_at <= statement_timestamp()
    ORDER BY due_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE kernel_outboxmessage m
SET due_at = statement_timestamp() + %(publish_timeout)s, attempts = attempts + 1
FROM due
WHERE m.id = due.id
RETURNING m.id, m.task, m.kwargs, m.attempts, m.due_at
