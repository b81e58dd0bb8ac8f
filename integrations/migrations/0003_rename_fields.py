from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("outside", "0002_rename_models"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="syncjob",
                    name="wanted_at",
                    field=models.DateTimeField(
                        db_column="wanted_at", help_text="Since when the service does not know the newest version"
                    ),
                ),
                migrations.RenameField(
                    model_name="syncjob",
                    old_name="wanted_at",
                    new_name="requested_at",
                ),
                migrations.AlterField(
                    model_name="syncjob",
                    name="sent",
                    field=models.BigIntegerField(db_column="sent", default=0),
                ),
                migrations.RenameField(
                    model_name="syncjob",
                    old_name="sent",
                    new_name="sent_count",
                ),
                migrations.AlterField(
                    model_name="syncjob",
                    name="told_at",
                    field=models.DateTimeField(blank=True, db_column="told_at", null=True),
                ),
                migrations.RenameField(
                    model_name="syncjob",
                    old_name="told_at",
                    new_name="synced_at",
                ),
            ],
        ),
    ]
