"""Offers store the status of their last event. What happened before the upgrade gets no event."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


FILL = "UPDATE vouchers_campaign SET reported_status = offer_status(decision, starts_at, ends_at, now());"


class Migration(migrations.Migration):
    dependencies = [
        ("redemptions", "0009_add_offer_status"),
        ("accounts", "0003_alter_labels"),
        ("vouchers", "0007_add_offer_lifecycle"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="campaign",
            name="update_update",
        ),
        migrations.AddField(
            model_name="campaign",
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
            model_name="campaign",
            index=models.Index(
                condition=models.Q(("reported_status__in", ["scheduled", "active", "paused"])),
                fields=["end_date"],
                name="vouchers_live",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="campaign",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."decision" IS DISTINCT FROM (NEW."decision") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."discount" IS DISTINCT FROM (NEW."discount") OR OLD."ends_at" IS DISTINCT FROM (NEW."ends_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."offer" IS DISTINCT FROM (NEW."offer") OR OLD."pass_on" IS DISTINCT FROM (NEW."pass_on") OR OLD."slug" IS DISTINCT FROM (NEW."slug") OR OLD."starts_at" IS DISTINCT FROM (NEW."starts_at") OR OLD."voucher_type" IS DISTINCT FROM (NEW."voucher_type") OR OLD."voucher_valid_days" IS DISTINCT FROM (NEW."voucher_valid_days"))',
                    func='INSERT INTO "vouchers_campaignevent" ("brand_id", "created_at", "decision", "description", "discount", "ends_at", "id", "name", "offer", "pass_on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "starts_at", "voucher_type", "voucher_valid_days") VALUES (NEW."brand_id", NEW."created_at", NEW."decision", NEW."description", NEW."discount", NEW."ends_at", NEW."id", NEW."name", NEW."offer", NEW."pass_on", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."slug", NEW."starts_at", NEW."voucher_type", NEW."voucher_valid_days"); RETURN NULL;',
                    hash="014d5102104cbdefcba400ced5c4762cc75f169a",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_686f3",
                    table="vouchers_campaign",
                    when="AFTER",
                ),
            ),
        ),
    ]
