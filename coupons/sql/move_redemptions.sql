-- Make the redemptions of a brand's coupons by a customer, alone or of the given orders, those of another one.
-- Upholds redemptions_limit_within_cap: the caller moves what they took of limits per customer, and more than a cap is only counted.
UPDATE coupons_couponredemption r SET customer_id = %(target)s
FROM coupons_coupondefinition d
WHERE r.customer_id = %(source)s AND d.id = r.coupon_id AND d.brand_id = %(brand)s
    AND (r.redemption_id IS NULL OR r.redemption_id = ANY(%(orders)s::uuid[]))
RETURNING r.id, r.coupon_id, r.redemption_id, r.status IN ('reserved', 'confirmed') AS is_active
