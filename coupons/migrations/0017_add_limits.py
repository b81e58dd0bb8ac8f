import django.core.validators
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("coupons", "0016_drop_ended_index"),
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
        migrations.AddField(
            model_name="coupondefinition",
            name="budget",
            field=models.BigIntegerField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name="budget"
            ),
        ),
        migrations.AddField(
            model_name="coupondefinition",
            name="limit_per_day",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="daily usage limit",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinition",
            name="limit_per_month",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="monthly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinition",
            name="limit_per_week",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="weekly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinition",
            name="max_per_customer",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per customer",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinition",
            name="max_per_order",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per order",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinition",
            name="other_budgets",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="budgets in other currencies",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinitionevent",
            name="budget",
            field=models.BigIntegerField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name="budget"
            ),
        ),
        migrations.AddField(
            model_name="coupondefinitionevent",
            name="limit_per_day",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="daily usage limit",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinitionevent",
            name="limit_per_month",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="monthly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinitionevent",
            name="limit_per_week",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="weekly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinitionevent",
            name="max_per_customer",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per customer",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinitionevent",
            name="max_per_order",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per order",
            ),
        ),
        migrations.AddField(
            model_name="coupondefinitionevent",
            name="other_budgets",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="budgets in other currencies",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="coupondefinition",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "coupons_coupondefinitionevent" ("brand_id", "budget", "code", "created_at", "created_by_id", "currency", "decision", "end_date", "id", "limit_per_day", "limit_per_month", "limit_per_week", "limit_strategy", "max_per_customer", "max_per_order", "maximum_number_of_coupons", "maximum_number_of_coupons_per_user", "offer", "other_budgets", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "start_date", "title") VALUES (NEW."brand_id", NEW."budget", NEW."code", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."decision", NEW."end_date", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_week", NEW."limit_strategy", NEW."max_per_customer", NEW."max_per_order", NEW."maximum_number_of_coupons", NEW."maximum_number_of_coupons_per_user", NEW."offer", NEW."other_budgets", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."start_date", NEW."title"); RETURN NULL;',
                    hash="fd0a205249403f2480e096caeb22f3e24bbd9bed",
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
                    condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."budget" IS DISTINCT FROM (NEW."budget") OR OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."decision" IS DISTINCT FROM (NEW."decision") OR OLD."end_date" IS DISTINCT FROM (NEW."end_date") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."limit_per_day" IS DISTINCT FROM (NEW."limit_per_day") OR OLD."limit_per_month" IS DISTINCT FROM (NEW."limit_per_month") OR OLD."limit_per_week" IS DISTINCT FROM (NEW."limit_per_week") OR OLD."limit_strategy" IS DISTINCT FROM (NEW."limit_strategy") OR OLD."max_per_customer" IS DISTINCT FROM (NEW."max_per_customer") OR OLD."max_per_order" IS DISTINCT FROM (NEW."max_per_order") OR OLD."maximum_number_of_coupons" IS DISTINCT FROM (NEW."maximum_number_of_coupons") OR OLD."maximum_number_of_coupons_per_user" IS DISTINCT FROM (NEW."maximum_number_of_coupons_per_user") OR OLD."offer" IS DISTINCT FROM (NEW."offer") OR OLD."other_budgets" IS DISTINCT FROM (NEW."other_budgets") OR OLD."start_date" IS DISTINCT FROM (NEW."start_date") OR OLD."title" IS DISTINCT FROM (NEW."title"))',
                    func='INSERT INTO "coupons_coupondefinitionevent" ("brand_id", "budget", "code", "created_at", "created_by_id", "currency", "decision", "end_date", "id", "limit_per_day", "limit_per_month", "limit_per_week", "limit_strategy", "max_per_customer", "max_per_order", "maximum_number_of_coupons", "maximum_number_of_coupons_per_user", "offer", "other_budgets", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "start_date", "title") VALUES (NEW."brand_id", NEW."budget", NEW."code", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."decision", NEW."end_date", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_week", NEW."limit_strategy", NEW."max_per_customer", NEW."max_per_order", NEW."maximum_number_of_coupons", NEW."maximum_number_of_coupons_per_user", NEW."offer", NEW."other_budgets", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."start_date", NEW."title"); RETURN NULL;',
                    hash="b1cbc2d5b49fabe521c0e7b922133a0c64fc15ec",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e8f2f",
                    table="coupons_coupondefinition",
                    when="AFTER",
                ),
            ),
        ),
    ]
