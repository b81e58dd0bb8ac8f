-- Select the first customer of a segment's audience after the progress of the segment.
-- Upholds no constraint; writes nothing.
SELECT next.customer
FROM segments_segment s
JOIN segments_audience a ON a.brand_id = s.brand_id AND a.segment_type = s.segment_type
CROSS JOIN LATERAL (
    SELECT m.customer_id AS customer FROM segments_audiencemember m
    WHERE m.audience_id = a.id AND m.customer_id > s.cursor
    ORDER BY m.customer_id LIMIT 1
) AS next
WHERE s.id = %(segment)s
