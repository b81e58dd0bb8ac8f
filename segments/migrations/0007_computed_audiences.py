from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0006_turns_of_brands"),
    ]

    operations = [
        migrations.AddField(
            model_name="audience",
            name="counted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
