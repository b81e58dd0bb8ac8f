-- Note in the uses of an offer what they took of a limit that is set later, so that a release returns it.
-- Upholds redemptions_limit_within_cap; the caller has locked the offer.
-- A budget counts what was given in its currency. Uses of earlier releases name none: they are in the offer's.
-- A limit per customer also counts each further identity of the customer.
UPDATE promotions_promotionuse u SET counters = u.counters || (
    SELECT jsonb_agg(jsonb_build_array(
        %(scope)s::text,
        s.slot,
        %(shard)s::smallint,
        CASE WHEN %(of_currency)s::text IS NOT NULL THEN u.amount - u.returned_amount ELSE 1 END
    ))
    FROM (
        SELECT CASE
            WHEN starts_with(%(scope)s::text, 'customer') THEN u.customer_id::text
            WHEN %(since)s::timestamptz IS NOT NULL
                THEN to_char(date_trunc(%(scope)s::text, u.taken_at AT TIME ZONE %(timezone)s::text), 'YYYY-MM-DD')
            ELSE ''
        END
        UNION ALL
        SELECT i.slot FROM jsonb_array_elements_text(u.identities) AS i (slot) WHERE starts_with(%(scope)s::text, 'customer')
    ) AS s (slot)
)
WHERE u.promotion_id = %(offer)s
    AND (%(of_currency)s::text IS NULL OR %(of_currency)s::text = coalesce(u.currency, %(currency)s::text))
    AND (%(since)s::timestamptz IS NULL OR u.taken_at >= %(since)s::timestamptz)
    AND NOT u.is_lapsed AND NOT u.counters @> jsonb_build_array(jsonb_build_array(%(scope)s::text))
