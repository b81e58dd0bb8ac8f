-- Make the redemptions of a brand's coupons by a customer, alone or of the given orders, those of another one, with their counts.
-- Upholds coupons_user_within_cap: more than the cap is only counted, so that nothing more is given.
WITH moved AS (
    UPDATE coupons_couponredemption r SET customer_id = %(target)s
    FROM coupons_coupondefinition d
    WHERE r.customer_id = %(source)s AND d.id = r.coupon_id AND d.brand_id = %(brand)s
        AND (r.redemption_id IS NULL OR r.redemption_id = ANY(%(orders)s::uuid[]))
    RETURNING r.id, r.coupon_id, r.status, r.redemption_id
), counted AS (
    SELECT coupon_id, count(*) AS n FROM moved WHERE status IN ('reserved', 'confirmed') GROUP BY coupon_id
), locked AS MATERIALIZED ( -- in the order in which redemptions lock them
    SELECT u.coupon_id FROM coupons_usercouponredemption u JOIN counted USING (coupon_id)
    WHERE u.customer_id IN (%(source)s, %(target)s)
    ORDER BY u.coupon_id, u.customer_id
    FOR UPDATE OF u
), reduced AS (
    UPDATE coupons_usercouponredemption u SET redemption_count = u.redemption_count - counted.n
    FROM counted
    WHERE u.coupon_id = counted.coupon_id AND u.customer_id = %(source)s AND (SELECT count(*) FROM locked) > 0
    RETURNING u.coupon_id, u.cap, counted.n
), added AS (
    INSERT INTO coupons_usercouponredemption AS u (coupon_id, customer_id, redemption_count, cap)
    SELECT coupon_id, %(target)s, n, cap FROM reduced
    ORDER BY coupon_id
    ON CONFLICT (coupon_id, customer_id) DO UPDATE SET redemption_count = u.redemption_count + excluded.redemption_count,
        cap = CASE WHEN u.cap IS NOT NULL THEN greatest(u.cap, u.redemption_count + excluded.redemption_count) END
)
SELECT id, coupon_id FROM moved WHERE redemption_id IS NULL
