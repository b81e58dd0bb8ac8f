from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("kernel", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex(
                    model_name="outboxmessage",
                    name="kernel_outbox_due",
                ),
                migrations.RemoveIndex(
                    model_name="outboxmessage",
                    name="kernel_outbox_parked",
                ),
                migrations.AlterField(
                    model_name="outboxmessage",
                    name="parked_at",
                    field=models.DateTimeField(blank=True, db_column="parked_at", null=True),
                ),
                migrations.RenameField(
                    model_name="outboxmessage",
                    old_name="parked_at",
                    new_name="dead_lettered_at",
                ),
                migrations.AddIndex(
                    model_name="outboxmessage",
                    index=models.Index(
                        condition=models.Q(("dead_lettered_at__isnull", True)),
                        fields=["due_at"],
                        name="kernel_outbox_due",
                    ),
                ),
                migrations.AddIndex(
                    model_name="outboxmessage",
                    index=models.Index(
                        condition=models.Q(("dead_lettered_at__isnull", False)),
                        fields=["dead_lettered_at"],
                        name="kernel_outbox_parked",
                    ),
                ),
            ],
        ),
    ]
