"""An index of who did what is in the audit log, for its filter and for erasures."""

from django.db import migrations

CREATE = "CREATE INDEX CONCURRENTLY IF NOT EXISTS accounts_audit_of_user ON pghistory_context ((metadata ->> 'user'))"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("accounts", "0020_add_accesses"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.RunSQL(CREATE, "DROP INDEX CONCURRENTLY IF EXISTS accounts_audit_of_user"),
    ]
