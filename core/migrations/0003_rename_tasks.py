from django.db import migrations

from core.renames import SCHEDULES, TASKS


def rename_tasks(apps, schema_editor):
    """Rewrite task names of waiting outbox messages and of the beat schedule."""
    messages = apps.get_model("kernel", "OutboxMessage").objects
    schedule = apps.get_model("django_celery_beat", "PeriodicTask").objects
    for old_name, name in TASKS.items():
        messages.filter(task=old_name).update(task=name)
        schedule.filter(task=old_name).update(task=name)
    for old_name, name in SCHEDULES.items():
        if schedule.filter(name=name).exists():
            schedule.filter(name=old_name).delete()
        schedule.filter(name=old_name).update(name=name)


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0002_rename_fields"),
        ("django_celery_beat", "0001_initial"),
    ]

    operations = [migrations.RunPython(rename_tasks, migrations.RunPython.noop)]
