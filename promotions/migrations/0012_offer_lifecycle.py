"""Promotions store what their brand decided. The status that was stored becomes the one that was last recorded."""

import django.contrib.postgres.indexes
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


DECISION = "CASE status WHEN 'draft' THEN 'draft' WHEN 'deactivated' THEN 'ended' ELSE 'published' END"
DECISIONS = """
UPDATE promotions_promotionevent SET decision = :decision;
UPDATE promotions_promotion SET decision = :decision, status = CASE status
    WHEN 'deactivated' THEN 'ended' WHEN 'active_without_audience' THEN 'active' ELSE status
END;
""".replace(":decision", DECISION)
STATUSES = """
UPDATE promotions_promotion SET status = CASE
    WHEN decision IN ('ended', 'archived') THEN 'deactivated' WHEN status = 'paused' THEN 'active' ELSE status
END;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_alter_labels"),
        ("promotions", "0011_move_codes"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="promotion",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="promotion",
            name="update_update",
        ),
        migrations.RemoveConstraint(
            model_name="promotion",
            name="promotions_promotion_status",
        ),
        migrations.RemoveIndex(
            model_name="promotion",
            name="promotions_gates",
        ),
        migrations.AddField(
            model_name="promotion",
            name="decided_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="promotion",
            name="decision",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("published", "Published"),
                    ("paused", "Paused"),
                    ("ended", "Ended"),
                    ("archived", "Archived"),
                ],
                db_default="published",
                default="published",
                editable=False,
                max_length=9,
                verbose_name="decision",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("promotion", "status", "recorded_status"),
                migrations.AlterField(
                    "promotion",
                    "recorded_status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("scheduled", "Scheduled"),
                            ("active", "Active"),
                            ("paused", "Paused"),
                            ("ended", "Ended"),
                            ("archived", "Archived"),
                        ],
                        db_column="status",
                        default="draft",
                        editable=False,
                        max_length=24,
                    ),
                ),
            ]
        ),
        migrations.AddField(
            model_name="promotionevent",
            name="decision",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("published", "Published"),
                    ("paused", "Paused"),
                    ("ended", "Ended"),
                    ("archived", "Archived"),
                ],
                db_default="published",
                default="published",
                editable=False,
                max_length=9,
                verbose_name="decision",
            ),
        ),
        migrations.RunSQL(DECISIONS, STATUSES),
        migrations.RemoveField(model_name="promotionevent", name="status"),
        migrations.AddIndex(
            model_name="promotion",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("decision", "published"), ("trigger", "automatic")),
                fields=["match_keys"],
                name="promotions_gates",
            ),
        ),
        migrations.AddIndex(
            model_name="promotion",
            index=models.Index(
                condition=models.Q(("recorded_status", "scheduled")), fields=["start_date"], name="promotions_to_start"
            ),
        ),
        migrations.AddIndex(
            model_name="promotion",
            index=models.Index(
                condition=models.Q(("recorded_status__in", ["scheduled", "active", "paused"])),
                fields=["end_date"],
                name="promotions_to_end",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="promotion",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "promotions_promotionevent" ("brand_id", "budget", "created_at", "currency", "decision", "description", "end_date", "id", "limit_per_day", "limit_per_month", "limit_per_user", "limit_per_week", "limit_total", "name", "offer", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "start_date", "target_audience", "trigger") VALUES (NEW."brand_id", NEW."budget", NEW."created_at", NEW."currency", NEW."decision", NEW."description", NEW."end_date", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_user", NEW."limit_per_week", NEW."limit_total", NEW."name", NEW."offer", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."priority", NEW."start_date", NEW."target_audience", NEW."trigger"); RETURN NULL;',
                    hash="fc09bd09be7f92ac2a49691bd46432710cd13c55",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_83643",
                    table="promotions_promotion",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="promotion",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."budget" IS DISTINCT FROM (NEW."budget") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."decision" IS DISTINCT FROM (NEW."decision") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."end_date" IS DISTINCT FROM (NEW."end_date") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."limit_per_day" IS DISTINCT FROM (NEW."limit_per_day") OR OLD."limit_per_month" IS DISTINCT FROM (NEW."limit_per_month") OR OLD."limit_per_user" IS DISTINCT FROM (NEW."limit_per_user") OR OLD."limit_per_week" IS DISTINCT FROM (NEW."limit_per_week") OR OLD."limit_total" IS DISTINCT FROM (NEW."limit_total") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."offer" IS DISTINCT FROM (NEW."offer") OR OLD."priority" IS DISTINCT FROM (NEW."priority") OR OLD."start_date" IS DISTINCT FROM (NEW."start_date") OR OLD."target_audience" IS DISTINCT FROM (NEW."target_audience") OR OLD."trigger" IS DISTINCT FROM (NEW."trigger"))',
                    func='INSERT INTO "promotions_promotionevent" ("brand_id", "budget", "created_at", "currency", "decision", "description", "end_date", "id", "limit_per_day", "limit_per_month", "limit_per_user", "limit_per_week", "limit_total", "name", "offer", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "start_date", "target_audience", "trigger") VALUES (NEW."brand_id", NEW."budget", NEW."created_at", NEW."currency", NEW."decision", NEW."description", NEW."end_date", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_user", NEW."limit_per_week", NEW."limit_total", NEW."name", NEW."offer", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."priority", NEW."start_date", NEW."target_audience", NEW."trigger"); RETURN NULL;',
                    hash="c25150cddffeba756f56ee4687a0f8e53425f3be",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e4c3f",
                    table="promotions_promotion",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("recorded_status__in", ["draft", "scheduled", "active", "paused", "ended", "archived"])
                ),
                name="promotions_promotion_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ["draft", "published", "paused", "ended", "archived"])),
                name="promotions_promotion_decision",
            ),
        ),
    ]
