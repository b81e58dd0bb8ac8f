"""Grants between brands count what they give."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("redemptions", "0016_add_identities"),
    ]

    operations = [
        migrations.AddField(
            model_name="offeruse",
            name="grant_key",
            field=models.UUIDField(null=True),
        ),
        AddIndexConcurrently(
            model_name="offeruse",
            index=models.Index(
                condition=models.Q(("grant_key__isnull", False)),
                fields=["grant_key"],
                name="redemptions_use_grant",
            ),
        ),
    ]
