-- Release an amount to the shard that it was taken from.
-- Upholds promotions_counter_within_cap.
UPDATE promotions_promotioncounter SET taken = taken - %(amount)s
WHERE promotion_id = %(promotion)s AND kind = %(kind)s AND slot = %(slot)s AND shard = %(shard)s
