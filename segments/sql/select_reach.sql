-- Select the sizes of a brand's audiences, and for all but large ones the number of customers with a free slot.
-- Upholds no constraint; writes nothing. Only filling a segment takes slots.
SELECT a.id, a.segment_type, a.size, CASE WHEN a.size <= %(large)s THEN (
    SELECT count(*) FROM segments_audiencemember m
    WHERE m.audience_id = a.id
        AND coalesce((SELECT c.used FROM segments_customerslots c WHERE c.customer_id = m.customer_id), 0) < %(slots)s
) END AS with_free_slot
FROM segments_audience a
WHERE a.brand_id = %(brand)s AND a.segment_type = ANY(%(types)s::varchar[])
