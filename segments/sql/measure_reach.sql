-- How many customers each of the brand's audiences has now, and how many of them have a free slot.
-- Upholds no constraint: it writes nothing; the filling of a segment decides.
SELECT a.segment_type, a.updated_at, count(m.customer_id) AS size,
    count(m.customer_id) FILTER (WHERE c.used IS NULL OR c.used < %(slots)s) AS with_free_slot
FROM segments_audience a
LEFT JOIN segments_audiencemember m ON m.audience_id = a.id
LEFT JOIN segments_customerslots c ON c.customer_id = m.customer_id
WHERE a.brand_id = %(brand)s AND a.segment_type = ANY(%(types)s::varchar[])
GROUP BY a.id
