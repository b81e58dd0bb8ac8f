import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("promotions", "0016_add_reported_status"),
    ]

    operations = [
        migrations.AlterField(  # uses of every kind of offer follow in this table
            model_name="promotionredemption",
            name="promotion",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="uses",
                to="promotions.promotion",
            ),
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="promotion",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="promotion",
            name="update_update",
        ),
        migrations.AddField(
            model_name="promotion",
            name="max_per_customer",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per customer",
            ),
        ),
        migrations.AddField(
            model_name="promotion",
            name="max_per_order",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per order",
            ),
        ),
        migrations.AddField(
            model_name="promotionevent",
            name="max_per_customer",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per customer",
            ),
        ),
        migrations.AddField(
            model_name="promotionevent",
            name="max_per_order",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="maximum discount per order",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="promotion",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "promotions_promotionevent" ("brand_id", "budget", "created_at", "currency", "decision", "description", "end_date", "id", "limit_per_day", "limit_per_month", "limit_per_user", "limit_per_week", "limit_total", "max_per_customer", "max_per_order", "name", "offer", "other_budgets", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "start_date", "target_audience", "trigger") VALUES (NEW."brand_id", NEW."budget", NEW."created_at", NEW."currency", NEW."decision", NEW."description", NEW."end_date", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_user", NEW."limit_per_week", NEW."limit_total", NEW."max_per_customer", NEW."max_per_order", NEW."name", NEW."offer", NEW."other_budgets", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."priority", NEW."start_date", NEW."target_audience", NEW."trigger"); RETURN NULL;',
                    hash="0423989415810ec37d76fccecc38e410dae07cdd",
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
                    condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."budget" IS DISTINCT FROM (NEW."budget") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."decision" IS DISTINCT FROM (NEW."decision") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."end_date" IS DISTINCT FROM (NEW."end_date") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."limit_per_day" IS DISTINCT FROM (NEW."limit_per_day") OR OLD."limit_per_month" IS DISTINCT FROM (NEW."limit_per_month") OR OLD."limit_per_user" IS DISTINCT FROM (NEW."limit_per_user") OR OLD."limit_per_week" IS DISTINCT FROM (NEW."limit_per_week") OR OLD."limit_total" IS DISTINCT FROM (NEW."limit_total") OR OLD."max_per_customer" IS DISTINCT FROM (NEW."max_per_customer") OR OLD."max_per_order" IS DISTINCT FROM (NEW."max_per_order") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."offer" IS DISTINCT FROM (NEW."offer") OR OLD."other_budgets" IS DISTINCT FROM (NEW."other_budgets") OR OLD."priority" IS DISTINCT FROM (NEW."priority") OR OLD."start_date" IS DISTINCT FROM (NEW."start_date") OR OLD."target_audience" IS DISTINCT FROM (NEW."target_audience") OR OLD."trigger" IS DISTINCT FROM (NEW."trigger"))',
                    func='INSERT INTO "promotions_promotionevent" ("brand_id", "budget", "created_at", "currency", "decision", "description", "end_date", "id", "limit_per_day", "limit_per_month", "limit_per_user", "limit_per_week", "limit_total", "max_per_customer", "max_per_order", "name", "offer", "other_budgets", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "start_date", "target_audience", "trigger") VALUES (NEW."brand_id", NEW."budget", NEW."created_at", NEW."currency", NEW."decision", NEW."description", NEW."end_date", NEW."id", NEW."limit_per_day", NEW."limit_per_month", NEW."limit_per_user", NEW."limit_per_week", NEW."limit_total", NEW."max_per_customer", NEW."max_per_order", NEW."name", NEW."offer", NEW."other_budgets", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."priority", NEW."start_date", NEW."target_audience", NEW."trigger"); RETURN NULL;',
                    hash="abd80402f0cdeb8d997db5fac58b19972c7b52fc",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e4c3f",
                    table="promotions_promotion",
                    when="AFTER",
                ),
            ),
        ),
    ]
