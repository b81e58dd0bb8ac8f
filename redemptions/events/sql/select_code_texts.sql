-- Return the texts of codes that a text in any spelling means, in some brands or in all, archived codes included.
-- Upholds no constraint; writes nothing. Letters are compared in ASCII, as in redemptions.codes.rules.canonicalize_code.
WITH sent AS (SELECT upper(regexp_replace(%(text)s, '[\s_-]+', '', 'g') COLLATE "C") AS canonical)
SELECT text FROM promotions_code
WHERE canonical = (SELECT canonical FROM sent) AND archived_at IS NULL AND (%(brands)s::uuid[] IS NULL OR brand_id = ANY(%(brands)s::uuid[]))
UNION -- one index for each part
SELECT text FROM promotions_code
WHERE canonical = (SELECT canonical FROM sent) AND archived_at IS NOT NULL AND (%(brands)s::uuid[] IS NULL OR brand_id = ANY(%(brands)s::uuid[]))
