from django.db import migrations

READER = """
INSERT INTO redemptions_eventreader (name, tx)
SELECT 'usage digests', coalesce(
    (
        SELECT min(tx) FROM redemptions_event
        WHERE type = 'redemption.confirmed' AND kind = 'discount_code'
            AND created_at >= (SELECT min(used_at) FROM discounts_usenotice)
    ), redemptions_event_horizon()
)
ON CONFLICT (name) DO NOTHING
"""
FORGET = "DELETE FROM redemptions_eventreader WHERE name = 'usage digests'"


class Migration(migrations.Migration):
    """Read usage digests from events, beginning with the redemptions that no digest has told yet."""

    dependencies = [("discounts", "0010_add_returned_amounts"), ("redemptions", "0006_results")]

    operations = [
        migrations.RunSQL(READER, FORGET),
        migrations.DeleteModel(name="UsageNotification"),
    ]
