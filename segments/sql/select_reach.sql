-- How many customers each of the brand's audiences has now, and how many of them have a free slot; of large ones not.
-- Upholds no constraint: it writes nothing; the filling of a segment decides.
SELECT a.id, a.segment_type, a.size, CASE WHEN a.size <= %(large)s THEN (
    SELECT count(*) FROM segments_audiencemember m
    WHERE m.audience_id = a.id
        AND coalesce((SELECT c.used FROM segments_customerslots c WHERE c.customer_id = m.customer_id), 0) < %(slots)s
) END AS with_free_slot
FROM segments_audience a
WHERE a.brand_id = %(brand)s AND a.segment_type = ANY(%(types)s::varchar[])
