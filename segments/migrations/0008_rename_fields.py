from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("segments", "0007_computed_audiences"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="audienceupload",
                    name="faults",
                    field=models.JSONField(db_column="faults", default=list),
                ),
                migrations.RenameField(
                    model_name="audienceupload",
                    old_name="faults",
                    new_name="errors",
                ),
                migrations.AlterField(
                    model_name="audienceupload",
                    name="refused",
                    field=models.BigIntegerField(db_column="refused", default=0),
                ),
                migrations.RenameField(
                    model_name="audienceupload",
                    old_name="refused",
                    new_name="invalid_count",
                ),
                migrations.AlterField(
                    model_name="segment",
                    name="skipped",
                    field=models.IntegerField(
                        db_column="skipped", default=0, editable=False, verbose_name="without a free slot"
                    ),
                ),
                migrations.RenameField(
                    model_name="segment",
                    old_name="skipped",
                    new_name="skipped_count",
                ),
                migrations.AlterField(
                    model_name="uploadpart",
                    name="place",
                    field=models.IntegerField(db_column="place"),
                ),
                migrations.RenameField(
                    model_name="uploadpart",
                    old_name="place",
                    new_name="position",
                ),
                migrations.AlterField(
                    model_name="uploadpart",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "upload_id", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
    ]
