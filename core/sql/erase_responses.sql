-- Replace stored responses that name a person by one of the texts, as JSON writes it.
-- Upholds no constraint.
UPDATE kernel_idempotencykey
SET status = %(status)s, content_type = %(content_type)s, body = %(body)s
WHERE EXISTS (
    SELECT FROM regexp_matches(convert_from(body, 'UTF8'), '"(?:customer_id|from|into|user|user_id|username|email|phone)": ?"((?:[^"\\]|\\.)*)"', 'g') AS quoted (parts)
    WHERE quoted.parts[1] = ANY(%(texts)s::text[])
)
