-- Take an amount from the nearest unlocked shard with enough capacity. Returns no row if there is none.
-- Upholds promotions_counter_within_cap.
WITH candidate AS MATERIALIZED ( -- materialized: a join could evaluate a plain subquery repeatedly and lock each time
    SELECT shard FROM promotions_promotioncounter
    WHERE promotion_id = %(promotion)s AND kind = %(kind)s AND slot = %(slot)s AND taken + %(amount)s <= cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE promotions_promotioncounter t SET taken = t.taken + %(amount)s
FROM candidate
WHERE t.promotion_id = %(promotion)s AND t.kind = %(kind)s AND t.slot = %(slot)s AND t.shard = candidate.shard
RETURNING t.shard
