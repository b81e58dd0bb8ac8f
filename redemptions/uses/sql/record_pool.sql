-- Give each use of an offer that has none a unit of a pool that is set later, and insert the units of all uses.
-- Upholds redemptions_limitunit_pkey; the caller has locked the offer.
WITH live AS MATERIALIZED (
    SELECT u.id, u.redemption_id, (
        SELECT (c ->> 2)::integer FROM jsonb_array_elements(u.counters) AS c WHERE c ->> 0 = 'total:pool'
    ) AS number -- from before the limit was removed
    FROM promotions_promotionuse u
    WHERE u.promotion_id = %(offer)s AND NOT u.is_lapsed
), numbered AS MATERIALIZED (
    SELECT id, redemption_id, number IS NULL AS is_new, coalesce(number, (SELECT coalesce(max(number), 0) FROM live)
        + row_number() OVER (PARTITION BY number IS NULL ORDER BY id)) AS number
    FROM live
), units AS (
    INSERT INTO redemptions_limitunit (owner, number, redemption_id) SELECT %(offer)s, number, redemption_id FROM numbered
)
UPDATE promotions_promotionuse u
SET counters = u.counters || jsonb_build_array(jsonb_build_array('total:pool', '', numbered.number, 1))
FROM numbered WHERE u.id = numbered.id AND numbered.is_new
