import django.core.validators
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


FILL_CURRENCY = """
UPDATE vouchers_campaign o SET currency = b.currency FROM accounts_brand b WHERE b.id = o.brand_id;
UPDATE vouchers_campaignevent o SET currency = b.currency FROM accounts_brand b WHERE b.id = o.brand_id;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("vouchers", "0008_add_reported_status"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="campaign",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="campaign",
            name="update_update",
        ),
        migrations.AddField(
            model_name="campaign",
            name="budget",
            field=models.BigIntegerField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name="budget"
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="currency",
            field=models.CharField(default="", max_length=3, verbose_name="currency"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="campaign",
            name="limit_per_day",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="daily usage limit",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="limit_per_month",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="monthly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="limit_per_week",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="weekly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="max_per_customer",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per customer",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="max_per_order",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per order",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="other_budgets",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="budgets in other currencies",
            ),
        ),
        migrations.AddField(
            model_name="campaignevent",
            name="budget",
            field=models.BigIntegerField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name="budget"
            ),
        ),
        migrations.AddField(
            model_name="campaignevent",
            name="currency",
            field=models.CharField(default="", max_length=3, verbose_name="currency"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="campaignevent",
            name="limit_per_day",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="daily usage limit",
            ),
        ),
        migrations.AddField(
            model_name="campaignevent",
            name="limit_per_month",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="monthly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="campaignevent",
            name="limit_per_week",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="weekly usage limit",
            ),
        ),
        migrations.AddField(
            model_name="campaignevent",
            name="max_per_customer",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per customer",
            ),
        ),
        migrations.AddField(
            model_name="campaignevent",
            name="max_per_order",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per order",
            ),
        ),
        migrations.AddField(
            model_name="campaignevent",
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
            model_name="campaign",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "vouchers_campaignevent" ("brand_id", "budget", "created_at", "currency", "decision", "description", "discount", "ends_at", "id", "limit_per_day", "limit_per_month", "limit_per_week", "max_per_customer", "max_per_order", "name", "offer", "other_budgets", "pass_on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "starts_at", "voucher_type", "voucher_valid_days") VALUES (NEW."brand_id", NEW."budget", NEW."created_at", NEW."currency", NEW."decision", NEW."description", NEW."discount", NEW."ends_at", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_week", NEW."max_per_customer", NEW."max_per_order", NEW."name", NEW."offer", NEW."other_budgets", NEW."pass_on", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."slug", NEW."starts_at", NEW."voucher_type", NEW."voucher_valid_days"); RETURN NULL;',
                    hash="31d7648228640ae1e82f62d3efedf9f58f9b2de0",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_18d28",
                    table="vouchers_campaign",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="campaign",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."budget" IS DISTINCT FROM (NEW."budget") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."decision" IS DISTINCT FROM (NEW."decision") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."discount" IS DISTINCT FROM (NEW."discount") OR OLD."ends_at" IS DISTINCT FROM (NEW."ends_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."limit_per_day" IS DISTINCT FROM (NEW."limit_per_day") OR OLD."limit_per_month" IS DISTINCT FROM (NEW."limit_per_month") OR OLD."limit_per_week" IS DISTINCT FROM (NEW."limit_per_week") OR OLD."max_per_customer" IS DISTINCT FROM (NEW."max_per_customer") OR OLD."max_per_order" IS DISTINCT FROM (NEW."max_per_order") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."offer" IS DISTINCT FROM (NEW."offer") OR OLD."other_budgets" IS DISTINCT FROM (NEW."other_budgets") OR OLD."pass_on" IS DISTINCT FROM (NEW."pass_on") OR OLD."slug" IS DISTINCT FROM (NEW."slug") OR OLD."starts_at" IS DISTINCT FROM (NEW."starts_at") OR OLD."voucher_type" IS DISTINCT FROM (NEW."voucher_type") OR OLD."voucher_valid_days" IS DISTINCT FROM (NEW."voucher_valid_days"))',
                    func='INSERT INTO "vouchers_campaignevent" ("brand_id", "budget", "created_at", "currency", "decision", "description", "discount", "ends_at", "id", "limit_per_day", "limit_per_month", "limit_per_week", "max_per_customer", "max_per_order", "name", "offer", "other_budgets", "pass_on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "starts_at", "voucher_type", "voucher_valid_days") VALUES (NEW."brand_id", NEW."budget", NEW."created_at", NEW."currency", NEW."decision", NEW."description", NEW."discount", NEW."ends_at", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_week", NEW."max_per_customer", NEW."max_per_order", NEW."name", NEW."offer", NEW."other_budgets", NEW."pass_on", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."slug", NEW."starts_at", NEW."voucher_type", NEW."voucher_valid_days"); RETURN NULL;',
                    hash="997b799cd4e8ecc230519669393128710a427c81",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_686f3",
                    table="vouchers_campaign",
                    when="AFTER",
                ),
            ),
        ),
    ]
