from django.db import migrations


class Migration(migrations.Migration):
    """Give models their standard names. Tables keep theirs, so nothing changes in the database."""

    dependencies = [("checkout", "0004_purchase_sums")]

    operations = [
        migrations.AlterModelTable(name="purchasenote", table="checkout_purchasenote"),
        migrations.RenameModel(old_name="PurchaseNote", new_name="DirtyPurchaseTotal"),
        migrations.AlterModelTable(name="purchasesum", table="checkout_purchasesum"),
        migrations.RenameModel(old_name="PurchaseSum", new_name="PurchaseTotal"),
    ]
