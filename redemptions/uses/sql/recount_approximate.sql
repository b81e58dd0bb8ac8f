-- Correct the counter of an approximate limit by its difference from the uses; keeps concurrent changes.
-- Upholds redemptions_limit_within_cap.
WITH snapshot AS MATERIALIZED ( -- counter and uses of one snapshot
    SELECT l.taken, c.n FROM redemptions_limit l
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM promotions_promotionuse u
        WHERE u.promotion_id = l.owner AND u.counters @> '[["total:approximate"]]'
    ) c
    WHERE l.owner = %(owner)s AND l.scope = 'total:approximate' AND l.slot = ''
)
UPDATE redemptions_limit l
SET cap = greatest(%(hard_cap)s::bigint, snapshot.n), taken = greatest(0, least(
    greatest(%(hard_cap)s::bigint, snapshot.n), l.taken + snapshot.n - snapshot.taken
))
FROM snapshot
WHERE l.owner = %(owner)s AND l.scope = 'total:approximate' AND l.slot = ''
