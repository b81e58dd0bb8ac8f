-- Makes the rows of a limit that has none yet for this slot; rows that are there stay as they are.
-- Upholds promotions_promotioncounter_pkey: each limit has one set of shards, whoever comes first.
INSERT INTO promotions_promotioncounter (promotion_id, kind, slot, shard, taken, cap)
SELECT %(promotion)s, %(kind)s, %(slot)s, n - 1, 0, share
FROM unnest(%(shares)s::bigint[]) WITH ORDINALITY AS s (share, n)
ORDER BY n
ON CONFLICT DO NOTHING
