-- Delete background tasks that name a person by one of the texts, as JSON writes it.
-- Upholds no constraint.
DELETE FROM kernel_outboxmessage
WHERE EXISTS (
    SELECT FROM regexp_matches(kwargs::text, '"(?:address|customer_id|email|user_id)": ?"((?:[^"\\]|\\.)*)"', 'g') AS quoted (parts)
    WHERE quoted.parts[1] = ANY(%(texts)s::text[])
)
