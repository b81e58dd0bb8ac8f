import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(
                    model_name="brand",
                    name="colour",
                ),
                migrations.RemoveField(
                    model_name="brandevent",
                    name="colour",
                ),
                migrations.AddField(
                    model_name="brand",
                    name="color",
                    field=models.CharField(
                        db_column="colour",
                        default="#0f766e",
                        max_length=7,
                        validators=[
                            django.core.validators.RegexValidator("^#[0-9a-fA-F]{6}\\Z", "Write a color as #rrggbb.")
                        ],
                    ),
                ),
                migrations.AddField(
                    model_name="brandevent",
                    name="color",
                    field=models.CharField(
                        db_column="colour",
                        default="#0f766e",
                        max_length=7,
                        validators=[
                            django.core.validators.RegexValidator("^#[0-9a-fA-F]{6}\\Z", "Write a color as #rrggbb.")
                        ],
                    ),
                ),
            ],
        ),
    ]
