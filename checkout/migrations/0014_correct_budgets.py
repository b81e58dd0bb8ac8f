"""Redemptions of promotions get the currency of their order, and budgets forget what was given in other currencies."""

from django.db import migrations, transaction

BATCH = 10_000
RANGE = "SELECT min(id), max(id) FROM promotions_promotionuse WHERE currency IS NULL"
FILL = """
UPDATE promotions_promotionuse u SET currency = r.currency
FROM checkout_redemption r
WHERE r.id = u.redemption_id AND u.currency IS NULL AND u.id >= %s AND u.id < %s
"""
FIND = """
SELECT u.promotion_id, c ->> 0, c ->> 1, (c ->> 2)::smallint, sum((c ->> 3)::bigint)::bigint
FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS c
WHERE u.id >= %s AND u.id < %s AND starts_with(c ->> 0, 'budget:') AND c ->> 0 <> 'budget:' || u.currency
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
REMOVE = """
UPDATE promotions_promotionuse u SET counters = (
    SELECT coalesce(jsonb_agg(c ORDER BY position), '[]')
    FROM jsonb_array_elements(u.counters) WITH ORDINALITY AS a (c, position)
    WHERE NOT starts_with(c ->> 0, 'budget:') OR c ->> 0 = 'budget:' || u.currency
)
WHERE u.id >= %s AND u.id < %s AND u.currency IS NOT NULL AND EXISTS (
    SELECT FROM jsonb_array_elements(u.counters) AS c
    WHERE starts_with(c ->> 0, 'budget:') AND c ->> 0 <> 'budget:' || u.currency
)
"""
LOCK_PROMOTION = "SELECT FROM promotions_promotion WHERE id = %s FOR UPDATE"
EXCESS = "SELECT cap FROM redemptions_limit WHERE owner = %s AND scope = %s AND slot = %s AND shard = -1 FOR UPDATE"
REDUCE_EXCESS = """
UPDATE redemptions_limit SET cap = cap - %s WHERE owner = %s AND scope = %s AND slot = %s AND shard = -1
"""
RELEASE = """
UPDATE redemptions_limit SET taken = taken - %s, cap = cap - %s
WHERE owner = %s AND scope = %s AND slot = %s AND shard = %s AND taken >= %s
"""


def correct_budgets(apps, schema_editor):
    """Fill in the currencies and correct the limits, a batch of redemptions in each transaction."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(RANGE)
        first, last = cursor.fetchone()
    if first is None:
        return
    for start in range(first, last + 1, BATCH):
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            _correct_batch(cursor, [start, start + BATCH])


def _correct_batch(cursor, bounds):
    cursor.execute(FILL, bounds)
    cursor.execute(FIND, bounds)
    for owner, scope, slot, shard, amount in cursor.fetchall():
        cursor.execute(LOCK_PROMOTION, [owner])
        cursor.execute(EXCESS, [owner, scope, slot])
        row = cursor.fetchone()
        reduction = min(amount, row[0] if row else 0)
        cursor.execute(REDUCE_EXCESS, [reduction, owner, scope, slot])
        cursor.execute(RELEASE, [amount, reduction, owner, scope, slot, shard, amount])
    cursor.execute(REMOVE, bounds)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("checkout", "0013_add_other_budgets"),
        ("promotions", "0015_add_other_budgets"),
        ("redemptions", "0002_limits"),
    ]

    operations = [migrations.RunPython(correct_budgets, migrations.RunPython.noop)]
