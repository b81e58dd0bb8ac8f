-- Note in the active redemptions of a coupon what they have of a total limit that is set: a shard, or units of a pool.
-- Upholds redemptions_limit_within_cap and redemptions_limitunit_pkey; the caller has locked the coupon.
WITH active AS MATERIALIZED (
    SELECT id FROM coupons_couponredemption
    WHERE coupon_id = %(coupon)s AND status IN ('reserved', 'confirmed')
    ORDER BY id
    FOR UPDATE
), numbered AS (
    SELECT id, coalesce(%(unit)s::integer, row_number() OVER (ORDER BY id)) AS unit FROM active
), pooled AS (
    INSERT INTO redemptions_limitunit (owner, number, redemption_id)
    SELECT %(coupon)s, unit, id FROM numbered WHERE %(unit)s::integer IS NULL
)
UPDATE coupons_couponredemption r SET unit = numbered.unit FROM numbered WHERE r.id = numbered.id
