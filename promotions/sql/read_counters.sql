-- How much is left of each limit that the given promotions keep, summed over shards, for one customer and these periods.
-- Upholds no constraint: it writes nothing; the statement that takes a unit decides.
SELECT promotion_id, kind, sum(cap - taken)::bigint AS remaining
FROM promotions_promotioncounter
WHERE promotion_id = ANY(%(promotions)s) AND (kind, slot) IN (
    SELECT * FROM unnest(%(kinds)s::varchar[], %(slots)s::varchar[])
)
GROUP BY promotion_id, kind
