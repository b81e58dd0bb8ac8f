from django.db import migrations, models


class Migration(migrations.Migration):
    """Tell used codes apart by promotion: other brands, and archived codes, can have the same text."""

    dependencies = [("promotions", "0012_offer_lifecycle"), ("redemptions", "0005_codes_per_brand")]

    operations = [
        migrations.RemoveConstraint(model_name="promotionredemption", name="promotions_code_used_once"),
        migrations.AddConstraint(
            model_name="promotionredemption",
            constraint=models.UniqueConstraint(
                models.F("promotion"),
                models.F("code"),
                condition=models.Q(("code", ""), _negated=True),
                name="promotions_code_used_once",
            ),
        ),
    ]
