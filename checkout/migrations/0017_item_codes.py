"""An index of the codes of orders, for the list of redemptions of a code."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("checkout", "0016_repriced_rests"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="redemptionitem",
            index=models.Index(fields=["code"], name="checkout_item_of_code", condition=~models.Q(code="")),
        ),
    ]
