-- Remove the addresses of users from the audit log: of their sign-ins and of all that they did.
-- Upholds no constraint.
UPDATE pghistory_context SET metadata = metadata - 'address'
WHERE metadata ? 'address' AND id IN (
    SELECT pgh_context_id FROM accounts_accessevent WHERE pgh_obj_id = ANY(%(users)s::bigint[])
    UNION
    SELECT id FROM pghistory_context WHERE metadata ->> 'user' = ANY(%(users)s::bigint[]::text[])
)
