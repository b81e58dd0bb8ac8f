-- Lock reservations of offers and grants whose time is over, and those that hold the given codes. Skips those that others have locked.
-- Upholds redemptions_limit_within_cap: what they took is released once.
SELECT id, promotion_id, redemption_id, grant_key, counters FROM promotions_promotionuse
WHERE held_until <= %(at)s AND NOT is_lapsed
    AND (promotion_id = ANY(%(offers)s::uuid[]) OR grant_key = ANY(%(grants)s::uuid[])
        OR (code <> '' AND (promotion_id, code) IN (SELECT * FROM unnest(%(owners)s::uuid[], %(codes)s::varchar[]))))
ORDER BY promotion_id, id
LIMIT 1000
FOR UPDATE SKIP LOCKED
