from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("checkout", "0005_rename_models"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="backtest",
                    name="touched",
                    field=models.PositiveIntegerField(db_column="touched", default=0),
                ),
                migrations.RenameField(
                    model_name="backtest",
                    old_name="touched",
                    new_name="affected",
                ),
                migrations.AlterField(
                    model_name="backtest",
                    name="seen",
                    field=models.PositiveIntegerField(db_column="seen", default=0),
                ),
                migrations.RenameField(
                    model_name="backtest",
                    old_name="seen",
                    new_name="carts_seen",
                ),
                migrations.AlterField(
                    model_name="backtest",
                    name="state",
                    field=models.CharField(
                        choices=[
                            ("waiting", "Pending"),
                            ("running", "Running"),
                            ("done", "Completed"),
                            ("cancelled", "Canceled"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                migrations.AlterField(
                    model_name="redemption",
                    name="status",
                    field=models.CharField(
                        choices=[
                            ("reserved", "Reserved"),
                            ("confirmed", "Confirmed"),
                            ("cancelled", "Canceled"),
                            ("expired", "Expired"),
                            ("refunded", "Refunded"),
                        ],
                        default="reserved",
                        max_length=10,
                    ),
                ),
            ],
        ),
    ]
