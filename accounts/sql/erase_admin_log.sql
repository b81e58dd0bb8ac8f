-- Empty the names and changes of objects in the log of the admin in which one of the texts is a word.
-- Upholds no constraint.
UPDATE django_admin_log SET object_repr = '', change_message = ''
WHERE regexp_split_to_array(lower(object_repr || ' ' || change_message), '[^[:alnum:]@._+-]+') && %(words)s::text[]
