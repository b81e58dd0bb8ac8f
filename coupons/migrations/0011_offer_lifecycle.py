"""Coupons store what their brand decided: those that were not active are paused."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


TABLES = ("coupons_coupondefinition", "coupons_coupondefinitionevent")
DECISION = "UPDATE {table} SET decision = CASE WHEN is_active THEN 'published' ELSE 'paused' END;"
IS_ACTIVE = "UPDATE {table} SET is_active = decision = 'published';"
DECISIONS = "".join(DECISION.format(table=table) for table in TABLES)
ACTIVE = "".join(IS_ACTIVE.format(table=table) for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_alter_labels"),
        ("coupons", "0010_offers_of_codes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="coupondefinition",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="coupondefinition",
            name="update_update",
        ),
        migrations.RemoveIndex(
            model_name="coupondefinition",
            name="coupons_by_end",
        ),
        migrations.AddField(
            model_name="coupondefinition",
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
        migrations.AddField(
            model_name="coupondefinitionevent",
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
        migrations.RunSQL(DECISIONS, ACTIVE),
        migrations.RemoveField(
            model_name="coupondefinition",
            name="is_active",
        ),
        migrations.RemoveField(
            model_name="coupondefinitionevent",
            name="is_active",
        ),
        migrations.AddIndex(
            model_name="coupondefinition",
            index=models.Index(
                condition=models.Q(("decision", "published")), fields=["end_date"], name="coupons_by_end"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="coupondefinition",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "coupons_coupondefinitionevent" ("brand_id", "code", "created_at", "created_by_id", "currency", "decision", "end_date", "id", "limit_strategy", "maximum_number_of_coupons", "maximum_number_of_coupons_per_user", "offer", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "start_date", "title") VALUES (NEW."brand_id", NEW."code", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."decision", NEW."end_date", NEW."id", NEW."limit_strategy", NEW."maximum_number_of_coupons", NEW."maximum_number_of_coupons_per_user", NEW."offer", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."start_date", NEW."title"); RETURN NULL;',
                    hash="ac37141edc42fc2ac1bfa6956d13f8e31eb29587",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_af609",
                    table="coupons_coupondefinition",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="coupondefinition",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "coupons_coupondefinitionevent" ("brand_id", "code", "created_at", "created_by_id", "currency", "decision", "end_date", "id", "limit_strategy", "maximum_number_of_coupons", "maximum_number_of_coupons_per_user", "offer", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "start_date", "title") VALUES (NEW."brand_id", NEW."code", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."decision", NEW."end_date", NEW."id", NEW."limit_strategy", NEW."maximum_number_of_coupons", NEW."maximum_number_of_coupons_per_user", NEW."offer", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."start_date", NEW."title"); RETURN NULL;',
                    hash="8a86cdd6ef8622af54def19363d23d1fec43e8b5",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e8f2f",
                    table="coupons_coupondefinition",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="coupondefinition",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ["draft", "published", "paused", "ended", "archived"])),
                name="coupons_definition_decision",
            ),
        ),
    ]
