from django.db import migrations


class Migration(migrations.Migration):
    """Forget the models of codes, which belong to the app ``redemptions`` now. Their tables stay."""

    dependencies = [
        ("coupons", "0010_offers_of_codes"),
        ("discounts", "0008_offers_of_codes"),
        ("promotions", "0010_offers_of_codes"),
        ("redemptions", "0003_codes"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(name="CodeAssignment"),
                migrations.DeleteModel(name="Code"),
                migrations.DeleteModel(name="CodeBatch"),
            ]
        )
    ]
