-- Takes an amount from the nearest shard that has room and that nobody else is at; no row means: none was found so.
-- Upholds promotions_counter_within_cap.
WITH room AS MATERIALIZED ( -- materialised: a join could ask a plain subquery again and again, and take each time
    SELECT shard FROM promotions_promotioncounter
    WHERE promotion_id = %(promotion)s AND kind = %(kind)s AND slot = %(slot)s AND taken + %(amount)s <= cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE promotions_promotioncounter t SET taken = t.taken + %(amount)s
FROM room
WHERE t.promotion_id = %(promotion)s AND t.kind = %(kind)s AND t.slot = %(slot)s AND t.shard = room.shard
RETURNING t.shard
