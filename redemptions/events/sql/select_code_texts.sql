-- Return the texts of codes that a text in any spelling means, in some brands or in all, archived codes included.
-- Upholds no constraint; writes nothing. Letters are compared in ASCII, as in redemptions.codes.rules.canonicalize_code.
SELECT DISTINCT text FROM promotions_code
WHERE canonical = upper(regexp_replace(%(text)s, '[\s_-]+', '', 'g') COLLATE "C")
    AND (%(brands)s::uuid[] IS NULL OR brand_id = ANY(%(brands)s::uuid[]))
