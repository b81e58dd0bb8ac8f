"""What refunds of lines returned of the discount of a redemption."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("coupons", "0012_codes_per_brand"),
    ]

    operations = [
        migrations.AddField(
            model_name="couponredemption",
            name="returned_amount",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
