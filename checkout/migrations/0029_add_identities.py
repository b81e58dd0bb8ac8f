from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("checkout", "0028_index_metadata"),
    ]

    operations = [
        migrations.AddField(
            model_name="redemption",
            name="identities",
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
    ]
