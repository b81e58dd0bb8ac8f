"""Batches of codes of every kind: a batch has a brand and a kind, and of the kind promotion a promotion."""

import django.db.models.deletion
from django.db import migrations, models

FILL = """
UPDATE promotions_codebatch b SET brand_id = p.brand_id FROM promotions_promotion p WHERE p.id = b.promotion_id;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("promotions", "0004_code_text_one_index")]

    operations = [
        migrations.AddField("codebatch", "kind", models.CharField(default="promotion", editable=False, max_length=20)),
        migrations.AddField(
            "codebatch",
            "brand",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.brand",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            "codebatch",
            "brand",
            models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.brand"
            ),
        ),
        migrations.AlterField(
            "codebatch",
            "promotion",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="batches",
                to="promotions.promotion",
            ),
        ),
        migrations.AddConstraint(
            "codebatch",
            models.CheckConstraint(
                condition=models.Q(
                    ("promotion__isnull", False), models.Q(("kind", "promotion"), _negated=True), _connector="OR"
                ),
                name="promotions_batch_promotion",
            ),
        ),
    ]
