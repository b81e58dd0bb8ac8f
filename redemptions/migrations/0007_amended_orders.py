"""Amendments count where their orders were confirmed: their events have the differences, which may be negative.

An offer that an amendment adds counts the order once more for itself, but not for its kind and its brand.
"""

from django.db import migrations, models

WITH_AMENDMENTS = """
CREATE OR REPLACE VIEW redemptions_eventresult AS
SELECT e.brand_id, e.tx, level.kind, level.offer_id, e.currency,
    date_bin('15 minutes', CASE
        WHEN e.is_return OR e.type = 'redemption.amended' THEN coalesce((e.data ->> 'confirmed_at')::timestamptz, e.created_at)
        WHEN e.type = 'redemption.expired' THEN coalesce((e.data ->> 'effective_at')::timestamptz, e.created_at)
        ELSE e.created_at
    END, '1970-01-01 00:00:00+00'::timestamptz) AS starts_at,
    (e.type = 'redemption.reserved')::int AS reserved, (e.type = 'redemption.confirmed')::int AS confirmed,
    (e.type = 'redemption.released')::int AS released, (e.type = 'redemption.expired')::int AS expired,
    (e.type = 'redemption.returned')::int AS returned,
    (e.type = 'redemption.confirmed' AND level.is_first AND (level.is_offer OR NOT e.data ? 'amended'))::int AS orders,
    CASE WHEN e.type IN ('redemption.confirmed', 'redemption.amended') AND level.is_first AND (level.is_offer OR NOT e.data ? 'amended')
        THEN coalesce(e.subtotal, 0) ELSE 0 END AS gross,
    CASE WHEN e.type IN ('redemption.confirmed', 'redemption.amended') THEN coalesce(e.amount, 0) ELSE 0 END AS discount,
    CASE WHEN e.is_return THEN coalesce(e.amount, 0) ELSE 0 END AS returned_discount
FROM (
    SELECT brand_id, tx, kind, offer_id, type, currency, amount, subtotal, created_at, data,
        type IN ('redemption.returned', 'redemption.partially_returned') AS is_return,
        row_number() OVER (PARTITION BY brand_id, tx, redemption_id, type, kind, offer_id ORDER BY id) = 1 AS first_of_offer,
        row_number() OVER (PARTITION BY brand_id, tx, redemption_id, type, kind ORDER BY id) = 1 AS first_of_kind,
        row_number() OVER (PARTITION BY brand_id, tx, redemption_id, type ORDER BY id) = 1 AS first_of_brand
    FROM redemptions_event
    WHERE type IN (
        'redemption.reserved', 'redemption.confirmed', 'redemption.released', 'redemption.expired',
        'redemption.partially_returned', 'redemption.returned', 'redemption.amended'
    ) AND offer_id IS NOT NULL
) e
CROSS JOIN LATERAL (VALUES
    (e.kind, e.offer_id, e.first_of_offer, true),
    (e.kind, '00000000-0000-0000-0000-000000000000'::uuid, e.first_of_kind, false),
    ('', '00000000-0000-0000-0000-000000000000'::uuid, e.first_of_brand, false)
) AS level (kind, offer_id, is_first, is_offer);
"""
WITHOUT_AMENDMENTS = """
CREATE OR REPLACE VIEW redemptions_eventresult AS
SELECT e.brand_id, e.tx, level.kind, level.offer_id, e.currency,
    date_bin('15 minutes', CASE
        WHEN e.is_return THEN coalesce((e.data ->> 'confirmed_at')::timestamptz, e.created_at)
        WHEN e.type = 'redemption.expired' THEN coalesce((e.data ->> 'effective_at')::timestamptz, e.created_at)
        ELSE e.created_at
    END, '1970-01-01 00:00:00+00'::timestamptz) AS starts_at,
    (e.type = 'redemption.reserved')::int AS reserved, (e.type = 'redemption.confirmed')::int AS confirmed,
    (e.type = 'redemption.released')::int AS released, (e.type = 'redemption.expired')::int AS expired,
    (e.type = 'redemption.returned')::int AS returned,
    (e.type = 'redemption.confirmed' AND level.is_first)::int AS orders,
    CASE WHEN e.type = 'redemption.confirmed' AND level.is_first THEN coalesce(e.subtotal, 0) ELSE 0 END AS gross,
    CASE WHEN e.type = 'redemption.confirmed' THEN coalesce(e.amount, 0) ELSE 0 END AS discount,
    CASE WHEN e.is_return THEN coalesce(e.amount, 0) ELSE 0 END AS returned_discount
FROM (
    SELECT brand_id, tx, kind, offer_id, type, currency, amount, subtotal, created_at, data,
        type IN ('redemption.returned', 'redemption.partially_returned') AS is_return,
        row_number() OVER (PARTITION BY brand_id, tx, redemption_id, type, kind, offer_id ORDER BY id) = 1 AS first_of_offer,
        row_number() OVER (PARTITION BY brand_id, tx, redemption_id, type, kind ORDER BY id) = 1 AS first_of_kind,
        row_number() OVER (PARTITION BY brand_id, tx, redemption_id, type ORDER BY id) = 1 AS first_of_brand
    FROM redemptions_event
    WHERE type IN (
        'redemption.reserved', 'redemption.confirmed', 'redemption.released', 'redemption.expired',
        'redemption.partially_returned', 'redemption.returned'
    ) AND offer_id IS NOT NULL
) e
CROSS JOIN LATERAL (VALUES
    (e.kind, e.offer_id, e.first_of_offer),
    (e.kind, '00000000-0000-0000-0000-000000000000'::uuid, e.first_of_kind),
    ('', '00000000-0000-0000-0000-000000000000'::uuid, e.first_of_brand)
) AS level (kind, offer_id, is_first);
"""
ALL = ("reserved", "confirmed", "released", "expired", "returned", "orders", "gross", "discount", "returned_discount")
RISING = tuple(name for name in ALL if name not in ("gross", "discount"))


def not_negative(names: tuple[str, ...]) -> models.Q:
    """Return the condition that none of the columns is negative."""
    return models.Q(**{f"{name}__gte": 0 for name in names})


class Migration(migrations.Migration):
    dependencies = [
        ("redemptions", "0006_results"),
    ]

    operations = [
        migrations.RunSQL(WITH_AMENDMENTS, WITHOUT_AMENDMENTS),
        migrations.RemoveConstraint(model_name="resultbucket", name="redemptions_resultbucket_sums"),
        migrations.AddConstraint(
            model_name="resultbucket",
            constraint=models.CheckConstraint(condition=not_negative(RISING), name="redemptions_resultbucket_sums"),
        ),
        migrations.RemoveConstraint(model_name="offertotal", name="redemptions_offertotal_sums"),
        migrations.AddConstraint(
            model_name="offertotal",
            constraint=models.CheckConstraint(condition=not_negative(RISING), name="redemptions_offertotal_sums"),
        ),
    ]
