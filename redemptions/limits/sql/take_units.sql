-- Take free units of a pool from a start number on, one per ID. Skips units that other transactions have locked.
-- Upholds redemptions_limitunit_pkey: a unit is one row, so one redemption has it.
WITH free AS MATERIALIZED (
    SELECT number FROM redemptions_limitunit
    WHERE owner = %(owner)s AND redemption_id IS NULL AND number >= %(start)s
    ORDER BY number
    LIMIT cardinality(%(ids)s::uuid[])
    FOR UPDATE SKIP LOCKED
), numbered AS (
    SELECT number, row_number() OVER (ORDER BY number) AS position FROM free
)
UPDATE redemptions_limitunit u SET redemption_id = (%(ids)s::uuid[])[numbered.position]
FROM numbered
WHERE u.owner = %(owner)s AND u.number = numbered.number
    AND u.number = ANY(ARRAY(SELECT number FROM free)) -- by key, whatever the planner estimates: never scans the pool
RETURNING u.number, numbered.position
