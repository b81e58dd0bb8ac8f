-- Insert the items of a reserved redemption, each with its event, and the parts of its brands.
-- Upholds checkout_item_position, checkout_redemptionpart_pkey and redemptions_event_pkey.
WITH part AS (
    INSERT INTO checkout_redemptionpart (redemption_id, brand_id, subtotal)
    SELECT %(redemption)s, brand, subtotal
    FROM jsonb_to_recordset(%(parts)s::jsonb) AS p (brand uuid, subtotal bigint)
    ORDER BY brand
    RETURNING brand_id, subtotal
), item AS (
    INSERT INTO checkout_redemptionitem (
        redemption_id, position, kind, key, code, brand_id, offer_id, title, amount, line_units, gift_units
    )
    SELECT %(redemption)s, position, kind, key, code, brand, offer, title, amount, line_units, gift_units
    FROM jsonb_to_recordset(%(items)s::jsonb) AS i (
        position smallint, kind text, key text, code text, brand uuid, offer uuid, title text, amount bigint,
        line_units jsonb, gift_units integer
    )
    RETURNING position, kind, code, brand_id, offer_id, amount
)
INSERT INTO redemptions_event (
    type, created_at, brand_id, kind, offer_id, code, customer_id, "order", redemption_id, amount, subtotal, currency, data
)
SELECT 'redemption.reserved', r.created_at, i.brand_id, i.kind, i.offer_id, i.code, r.customer_id, r."order", r.id, i.amount,
    p.subtotal, r.currency, jsonb_build_object('expires_at', r.expires_at)
FROM item i JOIN part p ON p.brand_id = i.brand_id JOIN checkout_redemption r ON r.id = %(redemption)s
ORDER BY i.position
