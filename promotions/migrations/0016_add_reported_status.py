"""Offers store the status of their last event. What happened before the upgrade gets no event."""

from django.db import migrations, models


FILL = "UPDATE promotions_promotion SET reported_status = offer_status(decision, start_date, end_date, now());"


class Migration(migrations.Migration):
    dependencies = [
        ("redemptions", "0009_add_offer_status"),
        ("accounts", "0003_alter_labels"),
        ("promotions", "0015_add_other_budgets"),
    ]

    operations = [
        migrations.AddField(
            model_name="promotion",
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
            model_name="promotion",
            index=models.Index(
                condition=models.Q(("reported_status__in", ["scheduled", "active", "paused"])),
                fields=["end_date"],
                name="promotions_live",
            ),
        ),
    ]
