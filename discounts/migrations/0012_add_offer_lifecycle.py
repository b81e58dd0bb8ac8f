"""Discount codes have a start, and store what their brand decided: those that were not active are paused."""

import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


TABLES = ("discounts_discountcode", "discounts_discountcodeevent")
DECISION = """
UPDATE {table} SET decision = CASE WHEN is_active THEN 'published' ELSE 'paused' END,
    start_date = least(created_at, validity - interval '1 second');
"""
IS_ACTIVE = "UPDATE {table} SET is_active = decision = 'published';"
FILL = "".join(DECISION.format(table=table) for table in TABLES)
RESTORE = "".join(IS_ACTIVE.format(table=table) for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_alter_labels"),
        ("discounts", "0011_usage_digests"),
        ("redemptions", "0009_add_offer_status"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="discountcode",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="discountcode",
            name="update_update",
        ),
        migrations.AlterField(
            model_name="discountcode",
            name="validity",
            field=models.DateTimeField(db_column="validity", verbose_name="valid until"),
        ),
        migrations.RenameField(
            model_name="discountcode",
            old_name="validity",
            new_name="end_date",
        ),
        migrations.AlterField(
            model_name="discountcodeevent",
            name="validity",
            field=models.DateTimeField(db_column="validity", verbose_name="valid until"),
        ),
        migrations.RenameField(
            model_name="discountcodeevent",
            old_name="validity",
            new_name="end_date",
        ),
        migrations.AddField(
            model_name="discountcode",
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
            model_name="discountcode",
            name="start_date",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="valid from"),
        ),
        migrations.AddField(
            model_name="discountcodeevent",
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
            model_name="discountcodeevent",
            name="start_date",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="valid from"),
        ),
        migrations.RunSQL(FILL, RESTORE),
        migrations.RemoveField(
            model_name="discountcode",
            name="is_active",
        ),
        migrations.RemoveField(
            model_name="discountcodeevent",
            name="is_active",
        ),
        migrations.AddIndex(
            model_name="discountcode",
            index=models.Index(
                condition=models.Q(("decision", "published"), ("notify", True)),
                fields=["start_date"],
                name="discounts_code_announced",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="discountcode",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "discounts_discountcodeevent" ("brand_id", "code", "created_at", "created_by_id", "decision", "id", "notify", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rule_id", "start_date", "validity") VALUES (NEW."brand_id", NEW."code", NEW."created_at", NEW."created_by_id", NEW."decision", NEW."id", NEW."notify", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."rule_id", NEW."start_date", NEW."validity"); RETURN NULL;',
                    hash="a684de30f4400d0a12d4f6e08b63ad65ffe9035b",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_52d65",
                    table="discounts_discountcode",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="discountcode",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."decision" IS DISTINCT FROM (NEW."decision") OR OLD."validity" IS DISTINCT FROM (NEW."validity") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."notify" IS DISTINCT FROM (NEW."notify") OR OLD."rule_id" IS DISTINCT FROM (NEW."rule_id") OR OLD."start_date" IS DISTINCT FROM (NEW."start_date"))',
                    func='INSERT INTO "discounts_discountcodeevent" ("brand_id", "code", "created_at", "created_by_id", "decision", "id", "notify", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rule_id", "start_date", "validity") VALUES (NEW."brand_id", NEW."code", NEW."created_at", NEW."created_by_id", NEW."decision", NEW."id", NEW."notify", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."rule_id", NEW."start_date", NEW."validity"); RETURN NULL;',
                    hash="381e5460c3ce41cea3a4770a37b83e49236abb7a",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_5f2a6",
                    table="discounts_discountcode",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="discountcode",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ["draft", "published", "paused", "ended", "archived"])),
                name="discounts_code_decision",
            ),
        ),
        migrations.AddConstraint(
            model_name="discountcode",
            constraint=models.CheckConstraint(
                condition=models.Q(("end_date__gt", models.F("start_date"))), name="discounts_code_dates"
            ),
        ),
    ]
