"""The units of goods of orders that are not closed, from their quotes.

An earlier release noted no discounted units, so all units of a discounted line count, and gifts don't.
"""

from django.db import migrations

UNITS = """
WITH item AS (
    SELECT i.id, i.redemption_id, r.cart,
        r.quote -> 'applied' -> (row_number() OVER (PARTITION BY i.redemption_id ORDER BY i.position) - 1)::int AS offer
    FROM checkout_redemptionitem i JOIN checkout_redemption r ON r.id = i.redemption_id
    WHERE r.status IN ('reserved', 'confirmed', 'partially_returned')
), line AS (
    SELECT item.id, share ->> 'id' AS line, (part ->> 'quantity')::int AS quantity,
        CASE WHEN f.id IS NULL THEN 0 ELSE coalesce(f.quantity, (part ->> 'quantity')::int) END AS returned
    FROM item
    CROSS JOIN LATERAL jsonb_array_elements(item.offer -> 'lines') AS share
    JOIN LATERAL jsonb_array_elements(item.cart -> 'lines') AS part ON part ->> 'id' = share ->> 'id'
    LEFT JOIN checkout_refundedline f ON f.redemption_id = item.redemption_id AND f.line = share ->> 'id'
), total AS (
    SELECT id, jsonb_object_agg(line, quantity) AS line_units, sum(returned) AS returned FROM line GROUP BY id
)
UPDATE checkout_redemptionitem i SET line_units = total.line_units, returned_units = total.returned
FROM total WHERE i.id = total.id
"""


class Migration(migrations.Migration):
    dependencies = [("checkout", "0024_add_units")]

    operations = [migrations.RunSQL(UNITS, migrations.RunSQL.noop)]
