from django.db import migrations


class Migration(migrations.Migration):
    """Forget the model of uses, which belongs to the app ``redemptions`` now. Its table stays."""

    dependencies = [("promotions", "0017_add_ceilings"), ("redemptions", "0011_offer_uses")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="PromotionRedemption")])
    ]
