from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("redemptions", "0015_add_ends_of_codes"),
    ]

    operations = [
        migrations.AddField(
            model_name="offeruse",
            name="identities",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
    ]
