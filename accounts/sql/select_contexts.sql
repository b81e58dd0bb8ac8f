-- Select the contexts with the address of a user: of their sign-ins, and of all that they did.
-- Upholds no constraint.
SELECT id FROM pghistory_context
WHERE metadata ? 'address' AND id IN (
    SELECT pgh_context_id FROM accounts_accessevent WHERE pgh_obj_id = ANY(%(users)s::bigint[])
    UNION
    SELECT id FROM pghistory_context WHERE metadata ->> 'user' = ANY(%(users)s::bigint[]::text[])
)
