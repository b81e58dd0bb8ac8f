-- Note in the redemptions of a promotion what they used of a limit that is set later, so that a release returns it.
-- Upholds redemptions_limit_within_cap; the caller has locked the promotion.
-- A budget counts what was given in its currency. Redemptions of earlier releases name none: they are in the promotion's.
UPDATE promotions_promotionuse u SET counters = u.counters || jsonb_build_array(jsonb_build_array(
    %(scope)s::text,
    CASE
        WHEN %(scope)s::text = 'customer' THEN u.customer_id::text
        WHEN %(since)s::timestamptz IS NOT NULL
            THEN to_char(date_trunc(%(scope)s::text, u.taken_at AT TIME ZONE %(timezone)s::text), 'YYYY-MM-DD')
        ELSE ''
    END,
    %(shard)s::smallint,
    CASE WHEN starts_with(%(scope)s::text, 'budget:') THEN u.amount - u.returned_amount ELSE 1 END
))
WHERE u.promotion_id = %(promotion)s
    AND (NOT starts_with(%(scope)s::text, 'budget:') OR %(scope)s::text = 'budget:' || coalesce(u.currency, %(currency)s::text))
    AND (%(since)s::timestamptz IS NULL OR u.taken_at >= %(since)s::timestamptz)
    AND NOT u.counters @> jsonb_build_array(jsonb_build_array(%(scope)s::text))
