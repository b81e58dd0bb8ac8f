-- Append events to the event log.
-- Upholds redemptions_event_pkey.
INSERT INTO redemptions_event (
    type, created_at, brand_id, kind, offer_id, code, customer_id, "order", redemption_id, amount, subtotal, currency, reason, data
)
SELECT type, at, brand, kind, offer, code, customer, "order", redemption, amount, subtotal, currency, reason, data
FROM jsonb_to_recordset(%(events)s::jsonb) AS e (
    type text, at timestamptz, brand uuid, kind text, offer uuid, code text, customer bigint, "order" text, redemption uuid,
    amount bigint, subtotal bigint, currency text, reason jsonb, data jsonb
)
