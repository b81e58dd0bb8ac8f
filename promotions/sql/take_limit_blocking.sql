-- Take an amount from the nearest shard with enough capacity and wait for its lock. Returns no row if it changed.
-- Upholds promotions_counter_within_cap; the caller repeats the statement while a shard has enough capacity.
WITH candidate AS MATERIALIZED (
    SELECT shard FROM promotions_promotioncounter
    WHERE promotion_id = %(promotion)s AND kind = %(kind)s AND slot = %(slot)s AND taken + %(amount)s <= cap
    ORDER BY (shard - %(home)s + 16) %% 16
    LIMIT 1
)
UPDATE promotions_promotioncounter t SET taken = t.taken + %(amount)s
FROM candidate
WHERE t.promotion_id = %(promotion)s AND t.kind = %(kind)s AND t.slot = %(slot)s AND t.shard = candidate.shard
    AND t.taken + %(amount)s <= t.cap
RETURNING t.shard
