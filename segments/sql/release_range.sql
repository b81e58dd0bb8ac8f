-- Remove the customers of a range from an ended segment, release their slots, and store the progress.
-- Upholds segments_slots_within_bounds and segments_segmentmember_pkey; the caller locks the range.
WITH removed AS (
    DELETE FROM segments_segmentmember m
    WHERE m.segment_id = %(segment)s AND m.customer_id > %(after)s AND m.customer_id <= %(until)s AND EXISTS (
        SELECT FROM segments_segment
        WHERE id = %(segment)s AND state = 'releasing' AND epoch = %(epoch)s AND cursor = %(after)s
    )
    RETURNING m.customer_id
), released AS (
    UPDATE segments_customerslots c SET used = c.used - 1
    FROM removed
    WHERE c.customer_id = removed.customer_id AND c.customer_id > %(after)s AND c.customer_id <= %(until)s
)
UPDATE segments_segment SET cursor = %(until)s
WHERE id = %(segment)s AND state = 'releasing' AND epoch = %(epoch)s AND cursor = %(after)s
