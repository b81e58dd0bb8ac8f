import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_add_grants"),
        ("pghistory", "0007_auto_20250421_0444"),
        ("redemptions", "0011_offer_uses"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="codebatch",
            options={"verbose_name": "code batch", "verbose_name_plural": "code batches"},
        ),
        migrations.CreateModel(
            name="CodeBatchEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("kind", models.CharField(editable=False, max_length=20)),
                (
                    "offer",
                    models.UUIDField(
                        editable=False, help_text="ID of the offer that the codes belong to.", verbose_name="offer"
                    ),
                ),
                (
                    "pattern",
                    models.CharField(blank=True, help_text="Each # becomes a random character.", max_length=64),
                ),
                ("generated_count", models.PositiveIntegerField(db_column="made", default=0, editable=False)),
                (
                    "brand",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="accounts.brand",
                    ),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="kind_brand_offer_pattern_generated_count_events",
                        to="redemptions.codebatch",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
    ]
