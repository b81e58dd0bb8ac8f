-- Return what the uses of an offer took of a limit, by slot and shard.
-- Upholds redemptions_limit_within_cap by counting what was used before; the caller has locked the offer.
SELECT c ->> 1 AS slot, (c ->> 2)::integer AS shard, sum((c ->> 3)::bigint)::bigint AS amount
FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS c
WHERE u.promotion_id = %(offer)s AND c ->> 0 = %(scope)s::text
GROUP BY 1, 2
