from django.db import migrations


class Migration(migrations.Migration):
    """Give models their standard names. Tables keep theirs, so nothing changes in the database."""

    dependencies = [("coupons", "0005_ended_redemptions")]

    operations = [
        migrations.AlterModelTable(name="spentcode", table="coupons_spentcode"),
        migrations.RenameModel(old_name="SpentCode", new_name="RedeemedCode"),
        migrations.AlterModelTable(name="touchedbucket", table="coupons_touchedbucket"),
        migrations.RenameModel(old_name="TouchedBucket", new_name="DirtyBucket"),
    ]
