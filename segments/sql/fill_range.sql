-- Add the customers of a range that have a free slot to the segment, take the slots, and store the progress.
-- Upholds segments_slots_within_bounds and segments_segmentmember_pkey; the caller locks the range.
WITH segment AS (
    SELECT s.id, a.id AS audience
    FROM segments_segment s
    JOIN segments_audience a ON a.brand_id = s.brand_id AND a.segment_type = s.segment_type
    WHERE s.id = %(segment)s AND s.state IN ('scheduled', 'filling') AND s.epoch = %(epoch)s AND s.cursor = %(after)s
), candidate AS MATERIALIZED (
    SELECT m.customer_id, c.used
    FROM segment
    JOIN segments_audiencemember m ON m.audience_id = segment.audience
    LEFT JOIN segments_customerslots c ON c.customer_id = m.customer_id
        AND c.customer_id > %(after)s AND c.customer_id <= %(until)s
    WHERE m.customer_id > %(after)s AND m.customer_id <= %(until)s
), inserted AS (
    INSERT INTO segments_customerslots (customer_id, used)
    SELECT customer_id, 1 FROM candidate WHERE used IS NULL ORDER BY customer_id
    RETURNING customer_id
), updated AS (
    UPDATE segments_customerslots c SET used = c.used + 1
    FROM candidate
    WHERE c.customer_id = candidate.customer_id AND candidate.used < %(slots)s AND c.used < %(slots)s
        AND c.customer_id > %(after)s AND c.customer_id <= %(until)s
    RETURNING c.customer_id
), member AS (
    INSERT INTO segments_segmentmember (segment_id, customer_id)
    SELECT %(segment)s, customer_id FROM (TABLE inserted UNION ALL TABLE updated) AS slot ORDER BY customer_id
    RETURNING customer_id
)
UPDATE segments_segment s
SET state = 'filling', cursor = %(until)s, slot_limit = %(slots)s,
    members_count = s.members_count + (SELECT count(*) FROM member),
    skipped = s.skipped + (SELECT count(*) FROM candidate) - (SELECT count(*) FROM member)
FROM segment
WHERE s.id = segment.id AND s.state IN ('scheduled', 'filling') AND s.epoch = %(epoch)s AND s.cursor = %(after)s
