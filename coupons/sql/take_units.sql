-- Take free units of a pool from a start number on, one per ID. Skips units that other transactions have locked.
-- Upholds coupons_couponunit_pkey: a unit is one row, so it has one redemption.
WITH free AS MATERIALIZED (
    SELECT n FROM coupons_couponunit
    WHERE coupon_id = %(coupon)s AND redemption_id IS NULL AND n >= %(start)s
    ORDER BY n
    LIMIT cardinality(%(ids)s::uuid[])
    FOR UPDATE SKIP LOCKED
), numbered AS (
    SELECT n, row_number() OVER (ORDER BY n) AS position FROM free
)
UPDATE coupons_couponunit t SET redemption_id = (%(ids)s::uuid[])[numbered.position]
FROM numbered
WHERE t.coupon_id = %(coupon)s AND t.n = numbered.n
    AND t.n = ANY(ARRAY(SELECT n FROM free)) -- by key, whatever the planner estimates: never scans the pool
RETURNING t.n, numbered.position
