from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("checkout", "0029_add_identities"),
    ]

    operations = [
        migrations.AddField(
            model_name="redemption",
            name="former_customers",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
    ]
