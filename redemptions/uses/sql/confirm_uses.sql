-- Confirm the reserved uses of a redemption. Returns for each whether its time was over, or its limits taken by another.
-- Upholds redemptions_limit_within_cap: what an expired reservation held may have been given to another redemption.
WITH reserved AS MATERIALIZED (
    SELECT id, is_lapsed OR held_until <= %(at)s AS is_expired FROM promotions_promotionuse
    WHERE redemption_id = %(redemption)s AND promotion_id = ANY(%(offers)s::uuid[]) AND held_until IS NOT NULL
    ORDER BY promotion_id
    FOR UPDATE
)
UPDATE promotions_promotionuse u SET held_until = NULL FROM reserved r WHERE u.id = r.id
RETURNING r.is_expired
