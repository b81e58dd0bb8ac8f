"""What each event counts, in a view of its own, so that it can be summed by code and by customer as well.

An order that uses several offers has an event for each of them in one transaction, and only the first of a level adds
the order and its total. So the view of sums numbers the events of an order, and then only conditions on ``brand_id`` and
``tx`` select rows before all are numbered.
"""

from importlib import import_module

from django.db import migrations

CREATE = """
DROP VIEW redemptions_eventresult;
CREATE VIEW redemptions_countedevent AS
SELECT id, brand_id, tx, kind, offer_id, type, currency, code, customer_id, redemption_id,
    date_bin('15 minutes', CASE
        WHEN type IN ('redemption.returned', 'redemption.partially_returned', 'redemption.amended')
            THEN coalesce((data ->> 'confirmed_at')::timestamptz, created_at)
        WHEN type = 'redemption.expired' THEN coalesce((data ->> 'effective_at')::timestamptz, created_at)
        ELSE created_at
    END, '1970-01-01 00:00:00+00'::timestamptz) AS starts_at,
    (type = 'redemption.reserved')::int AS reserved, (type = 'redemption.confirmed')::int AS confirmed,
    (type = 'redemption.released')::int AS released, (type = 'redemption.expired')::int AS expired,
    (type = 'redemption.returned')::int AS returned, data ? 'amended' AS is_added,
    CASE WHEN type IN ('redemption.confirmed', 'redemption.amended') THEN coalesce(subtotal, 0) ELSE 0 END AS gross,
    CASE WHEN type IN ('redemption.confirmed', 'redemption.amended') THEN coalesce(amount, 0) ELSE 0 END AS discount,
    CASE WHEN type IN ('redemption.returned', 'redemption.partially_returned') THEN coalesce(amount, 0) ELSE 0 END
        AS returned_discount
FROM redemptions_event
WHERE type IN (
    'redemption.reserved', 'redemption.confirmed', 'redemption.released', 'redemption.expired',
    'redemption.partially_returned', 'redemption.returned', 'redemption.amended'
) AND offer_id IS NOT NULL;

CREATE VIEW redemptions_eventresult AS
SELECT e.brand_id, e.tx, level.kind, level.offer_id, e.currency, e.starts_at, e.reserved, e.confirmed, e.released, e.expired, e.returned,
    CASE WHEN level.is_first AND (level.is_offer OR NOT e.is_added) THEN e.confirmed ELSE 0 END AS orders,
    CASE WHEN level.is_first AND (level.is_offer OR NOT e.is_added) THEN e.gross ELSE 0 END AS gross,
    e.discount, e.returned_discount
FROM (
    SELECT *,
        row_number() OVER (PARTITION BY brand_id, tx, redemption_id, type, kind, offer_id ORDER BY id) = 1 AS first_of_offer,
        row_number() OVER (PARTITION BY brand_id, tx, redemption_id, type, kind ORDER BY id) = 1 AS first_of_kind,
        row_number() OVER (PARTITION BY brand_id, tx, redemption_id, type ORDER BY id) = 1 AS first_of_brand
    FROM redemptions_countedevent
) e
CROSS JOIN LATERAL (VALUES
    (e.kind, e.offer_id, e.first_of_offer, true),
    (e.kind, '00000000-0000-0000-0000-000000000000'::uuid, e.first_of_kind, false),
    ('', '00000000-0000-0000-0000-000000000000'::uuid, e.first_of_brand, false)
) AS level (kind, offer_id, is_first, is_offer);
"""
FORMER_VIEW = import_module("redemptions.migrations.0007_amended_orders").WITH_AMENDMENTS
DROP = f"DROP VIEW redemptions_eventresult; DROP VIEW redemptions_countedevent; {FORMER_VIEW}"


class Migration(migrations.Migration):
    dependencies = [
        ("redemptions", "0012_audit_exports"),
    ]

    operations = [migrations.RunSQL(CREATE, DROP)]
