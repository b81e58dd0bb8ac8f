import django.core.validators
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


FILL_CURRENCY = """
UPDATE discounts_discountcode o SET currency = b.currency FROM accounts_brand b WHERE b.id = o.brand_id;
UPDATE discounts_discountcodeevent o SET currency = b.currency FROM accounts_brand b WHERE b.id = o.brand_id;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("discounts", "0014_audit_staff_actions"),
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
        migrations.AddField(
            model_name="discountcode",
            name="budget",
            field=models.BigIntegerField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name="budget"
            ),
        ),
        migrations.AddField(
            model_name="discountcode",
            name="currency",
            field=models.CharField(default="", max_length=3, verbose_name="currency"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="discountcode",
            name="limit_per_day",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="daily usage limit",
            ),
        ),
        migrations.AddField(
            model_name="discountcode",
            name="limit_per_month",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="monthly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="discountcode",
            name="limit_per_week",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="weekly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="discountcode",
            name="limit_total",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="total usage limit",
            ),
        ),
        migrations.AddField(
            model_name="discountcode",
            name="max_per_customer",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per customer",
            ),
        ),
        migrations.AddField(
            model_name="discountcode",
            name="max_per_order",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per order",
            ),
        ),
        migrations.AddField(
            model_name="discountcode",
            name="other_budgets",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="budgets in other currencies",
            ),
        ),
        migrations.AddField(
            model_name="discountcodeevent",
            name="budget",
            field=models.BigIntegerField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name="budget"
            ),
        ),
        migrations.AddField(
            model_name="discountcodeevent",
            name="currency",
            field=models.CharField(default="", max_length=3, verbose_name="currency"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="discountcodeevent",
            name="limit_per_day",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="daily usage limit",
            ),
        ),
        migrations.AddField(
            model_name="discountcodeevent",
            name="limit_per_month",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="monthly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="discountcodeevent",
            name="limit_per_week",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="weekly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="discountcodeevent",
            name="limit_total",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="total usage limit",
            ),
        ),
        migrations.AddField(
            model_name="discountcodeevent",
            name="max_per_customer",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per customer",
            ),
        ),
        migrations.AddField(
            model_name="discountcodeevent",
            name="max_per_order",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per order",
            ),
        ),
        migrations.AddField(
            model_name="discountcodeevent",
            name="other_budgets",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="budgets in other currencies",
            ),
        ),
        migrations.RunSQL(FILL_CURRENCY, migrations.RunSQL.noop),
        pgtrigger.migrations.AddTrigger(
            model_name="discountcode",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "discounts_discountcodeevent" ("brand_id", "budget", "code", "created_at", "created_by_id", "currency", "decision", "id", "limit_per_day", "limit_per_month", "limit_per_week", "limit_total", "max_per_customer", "max_per_order", "notify", "other_budgets", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rule_id", "start_date", "validity") VALUES (NEW."brand_id", NEW."budget", NEW."code", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."decision", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_week", NEW."limit_total", NEW."max_per_customer", NEW."max_per_order", NEW."notify", NEW."other_budgets", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."rule_id", NEW."start_date", NEW."validity"); RETURN NULL;',
                    hash="149c3d8a3c6423ab1efc14e4c357c8141f283944",
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
                    condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."budget" IS DISTINCT FROM (NEW."budget") OR OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."decision" IS DISTINCT FROM (NEW."decision") OR OLD."validity" IS DISTINCT FROM (NEW."validity") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."limit_per_day" IS DISTINCT FROM (NEW."limit_per_day") OR OLD."limit_per_month" IS DISTINCT FROM (NEW."limit_per_month") OR OLD."limit_per_week" IS DISTINCT FROM (NEW."limit_per_week") OR OLD."limit_total" IS DISTINCT FROM (NEW."limit_total") OR OLD."max_per_customer" IS DISTINCT FROM (NEW."max_per_customer") OR OLD."max_per_order" IS DISTINCT FROM (NEW."max_per_order") OR OLD."notify" IS DISTINCT FROM (NEW."notify") OR OLD."other_budgets" IS DISTINCT FROM (NEW."other_budgets") OR OLD."rule_id" IS DISTINCT FROM (NEW."rule_id") OR OLD."start_date" IS DISTINCT FROM (NEW."start_date"))',
                    func='INSERT INTO "discounts_discountcodeevent" ("brand_id", "budget", "code", "created_at", "created_by_id", "currency", "decision", "id", "limit_per_day", "limit_per_month", "limit_per_week", "limit_total", "max_per_customer", "max_per_order", "notify", "other_budgets", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rule_id", "start_date", "validity") VALUES (NEW."brand_id", NEW."budget", NEW."code", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."decision", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_week", NEW."limit_total", NEW."max_per_customer", NEW."max_per_order", NEW."notify", NEW."other_budgets", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."rule_id", NEW."start_date", NEW."validity"); RETURN NULL;',
                    hash="7f1bccdacbae72c454ffa266e4c311e6aaf3be7f",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_5f2a6",
                    table="discounts_discountcode",
                    when="AFTER",
                ),
            ),
        ),
    ]
