-- Free the units of redemptions.
-- Upholds coupons_couponunit_pkey: only the redemption that has a unit releases it.
UPDATE coupons_couponunit t SET redemption_id = NULL
FROM unnest(%(units)s::integer[], %(ids)s::uuid[]) AS w (n, id)
WHERE t.coupon_id = %(coupon)s AND t.n = w.n AND t.redemption_id = w.id
