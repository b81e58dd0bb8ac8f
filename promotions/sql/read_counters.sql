-- Return what is left of the limits of the promotions for one customer and the current periods, summed over shards.
-- Upholds no constraint: it writes nothing; take_limit.sql decides.
SELECT promotion_id, kind, sum(cap - taken)::bigint AS remaining
FROM promotions_promotioncounter
WHERE promotion_id = ANY(%(promotions)s) AND (kind, slot) IN (
    SELECT * FROM unnest(%(kinds)s::varchar[], %(slots)s::varchar[])
)
GROUP BY promotion_id, kind
