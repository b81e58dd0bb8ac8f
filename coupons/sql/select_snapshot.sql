-- Lock a coupon against changes of its limits, and select it with the counts of some customers, and some of its codes.
-- Upholds redemptions_limit_within_cap: a limit doesn't change while it is taken.
SELECT d.id, d.brand_id, d.decision, b.is_active AS brand_is_active, d.start_date, d.end_date, d.limit_strategy AS strategy,
    d.maximum_number_of_coupons AS maximum, d.maximum_number_of_coupons_per_user AS maximum_per_user,
    d.code, d.currency, d.budget, d.other_budgets, d.max_per_order, d.max_per_customer, d.limit_per_day, d.limit_per_week, d.limit_per_month, d.limit_units, b.timezone,
    CASE WHEN d.offer #> '{benefits,0,keep_balance}' = 'true' THEN d.offer::text END AS stored_offer,
    coalesce(d.offer -> 'conditions', '[]') NOT IN ('[]', 'null') AS has_conditions,
    EXISTS (SELECT 1 FROM promotions_codebatch b WHERE b.offer = d.id) AS has_batches,
    (
        SELECT jsonb_object_agg(l.slot, l.taken) FROM redemptions_limit l
        WHERE l.owner = d.id AND l.scope = 'customer' AND l.slot = ANY(%(customers)s::text[])
    ) AS counts,
    (
        SELECT jsonb_object_agg(c.canonical, jsonb_build_array(c.text, c.customer_id, c.single_use, c.expires_at, c.revoked_at))
        FROM promotions_code c
        WHERE c.offer = d.id AND c.canonical = ANY(%(codes)s::varchar[]) AND c.archived_at IS NULL
    ) AS codes,
    ARRAY(
        SELECT w.id FROM unnest(%(customers)s::text[]::bigint[]) AS w (id)
        WHERE ( -- by key for each: a join could read all users
            SELECT NOT u.is_active FROM accounts_customer cu JOIN accounts_user u ON u.id = cu.user_id WHERE cu.id = w.id
        )
    ) AS inactive_users
FROM coupons_coupondefinition d
JOIN accounts_brand b ON b.id = d.brand_id
WHERE d.id = %(coupon)s
FOR KEY SHARE OF d
