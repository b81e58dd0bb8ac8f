from django.db import migrations


class Migration(migrations.Migration):
    """Give models their standard names. Tables keep theirs, so nothing changes in the database."""

    dependencies = [("mail", "0002_word")]

    operations = [
        migrations.AlterModelTable(name="seenevent", table="mail_seenevent"),
        migrations.RenameModel(old_name="SeenEvent", new_name="ProcessedEvent"),
    ]
