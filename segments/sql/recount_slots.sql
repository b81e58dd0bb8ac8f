-- Select the customers of a range whose used slots differ from the number of their segments.
-- Upholds segments_slots_within_bounds; the caller locks the range.
WITH counted AS (
    SELECT m.customer_id, count(*) AS used
    FROM segments_segment s
    JOIN segments_segmentmember m ON m.segment_id = s.id AND m.customer_id > %(after)s AND m.customer_id <= %(until)s
    GROUP BY m.customer_id
), stored AS (
    SELECT customer_id, used FROM segments_customerslots
    WHERE customer_id > %(after)s AND customer_id <= %(until)s
)
SELECT customer_id, coalesce(stored.used, 0) AS says, coalesce(counted.used, 0) AS counted
FROM counted FULL JOIN stored USING (customer_id)
WHERE coalesce(stored.used, 0) <> coalesce(counted.used, 0)
ORDER BY customer_id
