from django.db import migrations


class Migration(migrations.Migration):
    """Give models their standard names. Tables keep theirs, so nothing changes in the database."""

    dependencies = [("promotions", "0005_batches_of_kinds")]

    operations = [
        migrations.AlterModelTable(name="promotionuse", table="promotions_promotionuse"),
        migrations.RenameModel(old_name="PromotionUse", new_name="PromotionRedemption"),
    ]
