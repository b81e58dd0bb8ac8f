-- Return the uses of offers in which a limit per customer counts some identities of the customer, but not this one.
-- Upholds redemptions_limit_within_cap by finding uses that a limit misses.
SELECT u.kind, u.promotion_id, u.redemption_id, c.scope, i.slot
FROM promotions_promotionuse u
CROSS JOIN LATERAL jsonb_array_elements_text(u.identities) AS i (slot)
CROSS JOIN LATERAL (SELECT DISTINCT k ->> 0 FROM jsonb_array_elements(u.counters) AS k WHERE starts_with(k ->> 0, 'customer')) AS c (scope)
WHERE u.identities <> '[]' AND NOT u.counters @> jsonb_build_array(jsonb_build_array(c.scope, i.slot))
ORDER BY u.promotion_id, u.redemption_id, c.scope, i.slot
