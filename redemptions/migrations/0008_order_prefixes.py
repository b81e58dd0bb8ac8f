from django.db import migrations

CREATE = """
CREATE INDEX redemptions_event_by_order ON redemptions_event ("order" text_pattern_ops, tx) WHERE "order" <> '';
DROP INDEX redemptions_event_of_order;
"""
RESTORE = """
CREATE INDEX redemptions_event_of_order ON redemptions_event ("order", tx) WHERE "order" <> '';
DROP INDEX redemptions_event_by_order;
"""


class Migration(migrations.Migration):
    """Let events be found by the beginning of an order's reference, whatever the collation of the database."""

    dependencies = [("redemptions", "0007_amended_orders")]

    operations = [migrations.RunSQL(CREATE, RESTORE)]
