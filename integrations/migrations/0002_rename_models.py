from django.db import migrations


class Migration(migrations.Migration):
    """Give models their standard names. Tables keep theirs, so nothing changes in the database."""

    dependencies = [("outside", "0001_initial")]

    operations = [
        migrations.AlterModelTable(name="errand", table="outside_errand"),
        migrations.RenameModel(old_name="Errand", new_name="SyncJob"),
        migrations.AlterModelTable(name="health", table="outside_health"),
        migrations.RenameModel(old_name="Health", new_name="CircuitState"),
    ]
