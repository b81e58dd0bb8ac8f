-- Empty the errors of background tasks in which one of the texts is a word.
-- Upholds no constraint.
UPDATE kernel_outboxmessage SET last_error = ''
WHERE last_error <> '' AND regexp_split_to_array(lower(last_error), '[^[:alnum:]@._+-]+') && %(words)s::text[]
