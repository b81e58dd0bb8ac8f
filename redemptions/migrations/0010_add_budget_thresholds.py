"""Thresholds of budgets that have an event."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("redemptions", "0009_add_offer_status"),
    ]

    operations = [
        migrations.CreateModel(
            name="BudgetThreshold",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "owner",
                        "scope",
                        "cap",
                        "percent",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("owner", models.UUIDField()),
                ("scope", models.TextField(db_collation="C")),
                ("cap", models.BigIntegerField()),
                ("percent", models.PositiveSmallIntegerField()),
                ("reached_at", models.DateTimeField()),
            ],
        ),
    ]
