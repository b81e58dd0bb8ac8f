-- Takes an amount from the nearest shard that has room, waiting for whoever is at it; no row means: look again.
-- Upholds promotions_counter_within_cap.
WITH room AS MATERIALIZED (
    SELECT shard FROM promotions_promotioncounter
    WHERE promotion_id = %(promotion)s AND kind = %(kind)s AND slot = %(slot)s AND taken + %(amount)s <= cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
)
UPDATE promotions_promotioncounter t SET taken = t.taken + %(amount)s
FROM room
WHERE t.promotion_id = %(promotion)s AND t.kind = %(kind)s AND t.slot = %(slot)s AND t.shard = room.shard
    AND t.taken + %(amount)s <= t.cap
RETURNING t.shard
