import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("accounts", "0002_rename_fields"),
        ("promotions", "0006_rename_models"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="codebatch",
                    name="promotions_batch_made",
                ),
                migrations.RemoveIndex(
                    model_name="promotion",
                    name="promotions_gates",
                ),
                migrations.RemoveIndex(
                    model_name="promotionredemption",
                    name="promotions_use_held",
                ),
                migrations.AlterField(
                    model_name="codeassignment",
                    name="already",
                    field=models.PositiveIntegerField(
                        db_column="already", default=0, editable=False, help_text="Had a code of the batch before"
                    ),
                ),
                migrations.RenameField(
                    model_name="codeassignment",
                    old_name="already",
                    new_name="already_assigned_count",
                ),
                migrations.AlterField(
                    model_name="codeassignment",
                    name="assigned",
                    field=models.PositiveIntegerField(db_column="assigned", default=0, editable=False),
                ),
                migrations.RenameField(
                    model_name="codeassignment",
                    old_name="assigned",
                    new_name="assigned_count",
                ),
                migrations.AlterField(
                    model_name="codebatch",
                    name="made",
                    field=models.PositiveIntegerField(db_column="made", default=0, editable=False),
                ),
                migrations.RenameField(
                    model_name="codebatch",
                    old_name="made",
                    new_name="generated_count",
                ),
                migrations.AlterField(
                    model_name="promotion",
                    name="gates",
                    field=django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=300),
                        db_column="gates",
                        default=list,
                        editable=False,
                        size=None,
                    ),
                ),
                migrations.RenameField(
                    model_name="promotion",
                    old_name="gates",
                    new_name="match_keys",
                ),
                migrations.AlterField(
                    model_name="promotioncounter",
                    name="slot",
                    field=models.CharField(blank=True, db_column="slot", default="", max_length=20),
                ),
                migrations.RenameField(
                    model_name="promotioncounter",
                    old_name="slot",
                    new_name="scope_key",
                ),
                migrations.AlterField(
                    model_name="promotionredemption",
                    name="taken_at",
                    field=models.DateTimeField(db_column="taken_at"),
                ),
                migrations.RenameField(
                    model_name="promotionredemption",
                    old_name="taken_at",
                    new_name="redeemed_at",
                ),
                migrations.AlterField(
                    model_name="promotionredemption",
                    name="held_until",
                    field=models.DateTimeField(db_column="held_until", null=True),
                ),
                migrations.RenameField(
                    model_name="promotionredemption",
                    old_name="held_until",
                    new_name="reserved_until",
                ),
                migrations.AlterField(
                    model_name="promotioncounter",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "promotion_id",
                        "kind",
                        "scope_key",
                        "shard",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                migrations.AddIndex(
                    model_name="promotion",
                    index=django.contrib.postgres.indexes.GinIndex(
                        condition=models.Q(("status__in", ["scheduled", "active"]), ("trigger", "automatic")),
                        fields=["match_keys"],
                        name="promotions_gates",
                    ),
                ),
                migrations.AddIndex(
                    model_name="promotionredemption",
                    index=models.Index(
                        condition=models.Q(("reserved_until__isnull", False)),
                        fields=["promotion", "reserved_until"],
                        name="promotions_use_held",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="codebatch",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("generated_count__lte", models.F("count"))), name="promotions_batch_made"
                    ),
                ),
            ],
        ),
    ]
