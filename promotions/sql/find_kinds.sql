-- What kind each of these codes is; unknown ones are absent.
-- Upholds no constraint: it writes nothing; the key of a code is its string, so it means one thing.
SELECT text, kind FROM promotions_code WHERE text = ANY(%(codes)s)
