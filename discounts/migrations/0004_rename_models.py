from django.db import migrations


class Migration(migrations.Migration):
    """Give models their standard names. Tables keep theirs, so nothing changes in the database."""

    dependencies = [("discounts", "0003_usage")]

    operations = [
        migrations.AlterModelTable(name="usenotice", table="discounts_usenotice"),
        migrations.RenameModel(old_name="UseNotice", new_name="UsageNotification"),
    ]
