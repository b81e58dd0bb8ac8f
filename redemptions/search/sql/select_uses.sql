-- Select uses of offers and refused attempts that match a filter, by their last event, newest first, each with its events.
-- Upholds no constraint; writes nothing. The caller bounds the range of transactions if no filter has an index of its own.
WITH found AS MATERIALIZED (
    SELECT e.id, e.tx, e.type, e.created_at, e.brand_id, e.kind, e.offer_id, e.code, e.customer_id, e."order", e.redemption_id, e.subtotal,
        e.currency, e.reason, e.data
    FROM redemptions_event e
    WHERE e.type = ANY(%(types)s::text[]) AND e.tx >= %(oldest)s AND e.tx <= %(tx)s AND (e.tx, e.id) < (%(tx)s, %(id)s::uuid)
        AND (%(brands)s::uuid[] IS NULL OR e.brand_id = ANY(%(brands)s::uuid[]))
        AND (%(kind)s::text IS NULL OR e.kind = %(kind)s)
        AND (%(offer)s::uuid IS NULL OR e.offer_id = %(offer)s)
        AND (%(customer)s::bigint IS NULL OR e.customer_id = %(customer)s)
        AND (%(codes)s::text[] IS NULL OR e.code = ANY(%(codes)s::text[]) AND e.code <> '')
        AND (%(order)s::text IS NULL OR e."order" ~>=~ %(order)s AND e."order" ~<~ %(order_end)s AND e."order" <> '')
        AND (%(redemption)s::uuid IS NULL OR e.redemption_id = %(redemption)s)
        AND (%(start)s::timestamptz IS NULL OR e.created_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR e.created_at < %(end)s)
        AND (e.type = 'redemption.rejected' OR NOT EXISTS (
            SELECT FROM redemptions_event later
            WHERE later.customer_id = e.customer_id AND later.redemption_id = e.redemption_id AND later.kind = e.kind
                AND later.offer_id = e.offer_id AND later.code = e.code AND later.type = ANY(%(last)s::text[]) AND (later.tx, later.id) > (e.tx, e.id)
        ))
    ORDER BY e.tx DESC, e.id DESC
    LIMIT %(limit)s
)
SELECT f.id, f.tx, f.type, f.created_at, f.brand_id, b.slug AS brand, f.kind, f.offer_id, f.code, c.customer_id, f."order", f.redemption_id, f.subtotal,
    f.currency, f.reason, coalesce((f.data ->> 'count')::int, 1) AS count, life.events
FROM found f
JOIN accounts_brand b ON b.id = f.brand_id
LEFT JOIN accounts_customer c ON c.id = f.customer_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('type', e.type, 'at', e.created_at, 'amount', e.amount) ORDER BY e.tx, e.id) AS events
    FROM redemptions_event e
    WHERE e.customer_id = f.customer_id AND e.redemption_id = f.redemption_id AND e.kind = f.kind AND e.offer_id = f.offer_id
        AND e.code = f.code AND e.type LIKE 'redemption.%%' AND e.type <> 'redemption.rejected'
) life ON f.type <> 'redemption.rejected'
ORDER BY f.tx DESC, f.id DESC
