-- Use single-use codes, count and insert redemptions of a coupon, one per customer, with the events of those without an order. Returns which were inserted.
-- Upholds coupons_spentcode_pkey, redemptions_limit_within_cap and coupons_couponredemption_pkey.
WITH requested AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(customers)s::bigint[], %(codes)s::varchar[], %(singles)s::boolean[], %(untils)s::timestamptz[],
        %(units)s::integer[], %(redemptions)s::uuid[], %(amounts)s::bigint[], %(currencies)s::varchar[]
    ) AS r (id, customer_id, code, is_single, reserved_until, unit, redemption_id, amount, currency)
), used AS (
    INSERT INTO coupons_spentcode (coupon_id, code, redemption_id)
    SELECT %(coupon)s, code, id FROM requested WHERE is_single ORDER BY code
    ON CONFLICT DO NOTHING
    RETURNING redemption_id
), counted AS (
    INSERT INTO redemptions_limit AS l (owner, scope, slot, shard, taken, cap)
    SELECT %(coupon)s, 'customer', customer_id::text, 0, 1, %(cap)s::bigint FROM requested
    WHERE NOT is_single OR id IN (SELECT redemption_id FROM used)
    ORDER BY customer_id::text COLLATE "C"
    ON CONFLICT (owner, scope, slot, shard) DO UPDATE SET taken = l.taken + 1, cap = excluded.cap
        WHERE l.taken < excluded.cap
    RETURNING slot::bigint AS customer_id
), written AS (
    INSERT INTO coupons_couponredemption (
        id, coupon_id, customer_id, code, status, reserved_until, redeemed_at, changed_at, unit, redemption_id, amount, currency
    )
    SELECT id, %(coupon)s, customer_id, code, CASE WHEN reserved_until IS NULL THEN 'confirmed' ELSE 'reserved' END,
        reserved_until, CASE WHEN reserved_until IS NULL THEN %(at)s::timestamptz END, %(at)s, unit, redemption_id, amount, currency
    FROM requested JOIN counted USING (customer_id)
    RETURNING id
), event AS (
    INSERT INTO redemptions_event
        (type, created_at, brand_id, kind, offer_id, code, customer_id, redemption_id, amount, currency)
    SELECT CASE WHEN reserved_until IS NULL THEN 'redemption.confirmed' ELSE 'redemption.reserved' END, %(at)s, %(brand)s, 'coupon',
        %(coupon)s, code, customer_id, id, amount, coalesce(currency, '')
    FROM requested
    WHERE redemption_id IS NULL AND id IN (SELECT id FROM written)
)
SELECT id, id IN (SELECT id FROM written) AS is_written, is_single AND id NOT IN (SELECT redemption_id FROM used) AS is_spent
FROM requested
