from django.db import migrations

from core.renames import MAIL_TYPES


def rename_mail_types(apps, schema_editor):
    """Rewrite the paths of mail types in mailings that may still be sent."""
    mailings = apps.get_model("mail", "Mailing").objects
    for old_path, path in MAIL_TYPES.items():
        mailings.filter(mail_type=old_path).update(mail_type=path)


class Migration(migrations.Migration):
    dependencies = [("mail", "0004_rename_fields")]

    operations = [migrations.RunPython(rename_mail_types, migrations.RunPython.noop)]
