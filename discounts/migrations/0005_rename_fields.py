from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("discounts", "0004_rename_models"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="usage",
                    name="used_at",
                    field=models.DateTimeField(db_column="used_at"),
                ),
                migrations.RenameField(
                    model_name="usage",
                    old_name="used_at",
                    new_name="redeemed_at",
                ),
                migrations.AlterField(
                    model_name="usagenotification",
                    name="used_at",
                    field=models.DateTimeField(db_column="used_at"),
                ),
                migrations.RenameField(
                    model_name="usagenotification",
                    old_name="used_at",
                    new_name="redeemed_at",
                ),
                migrations.AlterField(
                    model_name="usagereturn",
                    name="used_at",
                    field=models.DateTimeField(db_column="used_at"),
                ),
                migrations.RenameField(
                    model_name="usagereturn",
                    old_name="used_at",
                    new_name="redeemed_at",
                ),
            ],
        ),
    ]
