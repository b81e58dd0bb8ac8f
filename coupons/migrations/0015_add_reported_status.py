"""Offers store the status of their last event. What happened before the upgrade gets no event."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


FILL = "UPDATE coupons_coupondefinition SET reported_status = offer_status(decision, start_date, end_date, now());"


class Migration(migrations.Migration):
    dependencies = [
        ("redemptions", "0009_add_offer_status"),
        ("accounts", "0003_alter_labels"),
        ("coupons", "0014_drop_buckets"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="coupondefinition",
            name="update_update",
        ),
        migrations.AddField(
            model_name="coupondefinition",
            name="reported_status",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("scheduled", "Scheduled"),
                    ("active", "Active"),
                    ("paused", "Paused"),
                    ("ended", "Ended"),
                    ("archived", "Archived"),
                ],
                db_default="draft",
                default="draft",
                editable=False,
                max_length=9,
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="coupondefinition",
            index=models.Index(
                condition=models.Q(("reported_status__in", ["scheduled", "active", "paused"])),
                fields=["end_date"],
                name="coupons_live",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="coupondefinition",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."decision" IS DISTINCT FROM (NEW."decision") OR OLD."end_date" IS DISTINCT FROM (NEW."end_date") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."limit_strategy" IS DISTINCT FROM (NEW."limit_strategy") OR OLD."maximum_number_of_coupons" IS DISTINCT FROM (NEW."maximum_number_of_coupons") OR OLD."maximum_number_of_coupons_per_user" IS DISTINCT FROM (NEW."maximum_number_of_coupons_per_user") OR OLD."offer" IS DISTINCT FROM (NEW."offer") OR OLD."start_date" IS DISTINCT FROM (NEW."start_date") OR OLD."title" IS DISTINCT FROM (NEW."title"))',
                    func='INSERT INTO "coupons_coupondefinitionevent" ("brand_id", "code", "created_at", "created_by_id", "currency", "decision", "end_date", "id", "limit_strategy", "maximum_number_of_coupons", "maximum_number_of_coupons_per_user", "offer", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "start_date", "title") VALUES (NEW."brand_id", NEW."code", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."decision", NEW."end_date", NEW."id", NEW."limit_strategy", NEW."maximum_number_of_coupons", NEW."maximum_number_of_coupons_per_user", NEW."offer", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."start_date", NEW."title"); RETURN NULL;',
                    hash="64d41ec84242dac7bd95acace17433b219c3ee6a",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e8f2f",
                    table="coupons_coupondefinition",
                    when="AFTER",
                ),
            ),
        ),
    ]
