-- Return the kind of each code; unknown codes are absent.
-- Upholds no constraint: it writes nothing; the text is the primary key, so a code has one kind.
SELECT text, kind FROM promotions_code WHERE text = ANY(%(codes)s)
