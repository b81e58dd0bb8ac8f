-- Takes free units of a pool from a place on, one for each id, passing over those that others are at.
-- Upholds coupons_couponunit_pkey: a unit has one row, and so one redemption.
WITH free AS MATERIALIZED (
    SELECT n FROM coupons_couponunit
    WHERE coupon_id = %(coupon)s AND redemption_id IS NULL AND n >= %(start)s
    ORDER BY n
    LIMIT cardinality(%(ids)s::uuid[])
    FOR UPDATE SKIP LOCKED
), numbered AS (
    SELECT n, row_number() OVER (ORDER BY n) AS place FROM free
)
UPDATE coupons_couponunit t SET redemption_id = (%(ids)s::uuid[])[numbered.place]
FROM numbered
WHERE t.coupon_id = %(coupon)s AND t.n = numbered.n
    AND t.n = ANY(ARRAY(SELECT n FROM free)) -- by the key, however many rows the plan expects: never the whole pool
RETURNING t.n, numbered.place
