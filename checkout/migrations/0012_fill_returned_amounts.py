"""What the refunds of former releases returned of items and totals, and the validation of the constraints."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

ITEMS = """
WITH item AS (
    SELECT i.id, i.amount, r.id AS redemption_id, r.status,
        r.quote -> 'applied' -> (row_number() OVER (PARTITION BY i.redemption_id ORDER BY i.position) - 1)::int AS offer
    FROM checkout_redemptionitem i JOIN checkout_redemption r ON r.id = i.redemption_id
    WHERE r.status IN ('partially_returned', 'returned')
)
UPDATE checkout_redemptionitem i SET returned_amount = CASE WHEN item.status = 'returned' THEN item.amount ELSE (
    SELECT coalesce(sum(replace(share ->> 'amount', '.', '')::bigint), 0)
    FROM jsonb_array_elements(item.offer -> 'lines') AS share
    JOIN checkout_refundedline l ON l.redemption_id = item.redemption_id AND l.line = share ->> 'id'
) END
FROM item WHERE i.id = item.id
"""
TOTALS = """
UPDATE checkout_redemption r SET returned_total = CASE WHEN r.status = 'returned' THEN r.total ELSE (
    SELECT coalesce(sum(replace(part ->> 'total', '.', '')::bigint), 0)
    FROM jsonb_array_elements(r.quote -> 'lines') AS part
    JOIN checkout_refundedline l ON l.redemption_id = r.id AND l.line = part ->> 'id'
) END
WHERE r.status IN ('partially_returned', 'returned')
"""


class Migration(migrations.Migration):
    dependencies = [("checkout", "0011_add_returned_amounts")]

    operations = [
        migrations.RunSQL(ITEMS, migrations.RunSQL.noop),
        migrations.RunSQL(TOTALS, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        ValidateConstraint("redemptionitem", "checkout_item_returned_within_amount"),
        ValidateConstraint("refundedline", "checkout_refund_within_line"),
    ]
