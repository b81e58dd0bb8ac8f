-- Insert the shards of a limit that has none for this scope key; existing rows stay.
-- Upholds promotions_promotioncounter_pkey: concurrent checkouts create one set of shards.
INSERT INTO promotions_promotioncounter (promotion_id, kind, slot, shard, taken, cap)
SELECT %(promotion)s, %(kind)s, %(slot)s, n - 1, 0, share
FROM unnest(%(shares)s::bigint[]) WITH ORDINALITY AS s (share, n)
ORDER BY n
ON CONFLICT DO NOTHING
