"""Indexes of external IDs, metadata and the time of the last change, for the filters of lists."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("discounts", "0020_add_metadata"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="discountcode",
            index=models.Index(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=["brand", "external_id"],
                name="discounts_code_external_id",
            ),
        ),
        AddIndexConcurrently(
            model_name="discountcode",
            index=models.Index(fields=["brand", "updated_at"], name="discounts_code_updated"),
        ),
        AddIndexConcurrently(
            model_name="discountcode",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("metadata", {}), _negated=True),
                fields=["metadata"],
                name="discounts_code_metadata",
                opclasses=["jsonb_path_ops"],
            ),
        ),
    ]
