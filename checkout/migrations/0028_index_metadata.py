"""Indexes of external IDs, metadata and the time of the last change, for the filters of lists."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("checkout", "0027_add_metadata"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="redemption",
            index=models.Index(fields=["updated_at", "id"], name="checkout_updated"),
        ),
        AddIndexConcurrently(
            model_name="redemption",
            index=models.Index(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=["external_id"],
                name="checkout_external_id",
            ),
        ),
        AddIndexConcurrently(
            model_name="redemption",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("metadata", {}), _negated=True),
                fields=["metadata"],
                name="checkout_metadata",
                opclasses=["jsonb_path_ops"],
            ),
        ),
    ]
