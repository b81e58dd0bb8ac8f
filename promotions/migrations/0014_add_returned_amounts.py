"""What refunds of lines returned of the discount of a redemption."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("promotions", "0013_codes_per_brand"),
    ]

    operations = [
        migrations.AddField(
            model_name="promotionredemption",
            name="returned_amount",
            field=models.BigIntegerField(db_default=0, default=0, help_text="What refunds returned of it."),
        ),
    ]
