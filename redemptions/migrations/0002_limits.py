from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the table of limits, which all kinds of offer share."""

    dependencies = [("redemptions", "0001_events")]

    operations = [
        migrations.CreateModel(
            name="Limit",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "owner", "scope", "slot", "shard",
                        blank=True, editable=False, primary_key=True, serialize=False,
                    ),
                ),
                ("owner", models.UUIDField()),
                ("scope", models.TextField(db_collation="C")),
                ("slot", models.TextField(blank=True, db_collation="C", default="")),
                ("shard", models.SmallIntegerField(default=0)),
                ("taken", models.BigIntegerField(default=0)),
                ("cap", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("taken__gte", 0), ("taken__lte", models.F("cap"))),
                        name="redemptions_limit_within_cap",
                    )
                ],
            },
        ),
    ]  # fmt: skip
