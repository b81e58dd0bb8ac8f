-- Select segments whose stored number of members is wrong, and ended segments that still have members.
-- Upholds no constraint; writes nothing.
SELECT s.id, s.state, s.cursor, s.members_count AS says, counted.members
FROM segments_segment s
CROSS JOIN LATERAL (SELECT count(*) AS members FROM segments_segmentmember m WHERE m.segment_id = s.id) AS counted
WHERE (s.state IN ('filling', 'syncing', 'active', 'empty') AND counted.members <> s.members_count)
    OR (s.state IN ('scheduled', 'expired', 'deleted') AND counted.members > 0)
ORDER BY s.id
