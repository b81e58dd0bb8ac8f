"""Offers store the status of their last event. What happened before the upgrade gets no event."""

from django.conf import settings
from django.db import migrations, models


FILL = "UPDATE discounts_discountcode SET reported_status = offer_status(decision, start_date, validity, now());"


class Migration(migrations.Migration):
    dependencies = [
        ("redemptions", "0009_add_offer_status"),
        ("accounts", "0003_alter_labels"),
        ("discounts", "0012_add_offer_lifecycle"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="discountcode",
            name="reported_status",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("scheduled", "Scheduled"),
                    ("active", "Active"),
                    ("paused", "Paused"),
                    ("ended", "Ended"),
                    ("archived", "Archived"),
                ],
                db_default="draft",
                default="draft",
                editable=False,
                max_length=9,
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="discountcode",
            index=models.Index(
                condition=models.Q(("reported_status__in", ["scheduled", "active", "paused"])),
                fields=["end_date"],
                name="discounts_code_live",
            ),
        ),
    ]
