-- Note in the uses of an offer how many units of goods they took of the limit of units that is set later.
-- Upholds redemptions_limit_within_cap; the caller has locked the offer.
UPDATE promotions_promotionuse u
SET counters = u.counters || jsonb_build_array(jsonb_build_array('units', '', %(shard)s::smallint, r.units))
FROM unnest(%(redemptions)s::uuid[], %(units)s::integer[]) AS r (redemption_id, units)
WHERE u.promotion_id = %(offer)s AND u.redemption_id = r.redemption_id AND NOT u.is_lapsed
    AND NOT u.counters @> '[["units"]]'
