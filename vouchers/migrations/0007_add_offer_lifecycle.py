"""Campaigns store what their brand decided: those that were closed are ended."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


TABLES = ("vouchers_campaign", "vouchers_campaignevent")
DECISION = "UPDATE {table} SET decision = CASE WHEN state = 'open' THEN 'published' ELSE 'ended' END;"
STATE = "UPDATE {table} SET state = CASE WHEN decision = 'published' THEN 'open' ELSE 'closed' END;"
DECISIONS = "".join(DECISION.format(table=table) for table in TABLES)
STATES = "".join(STATE.format(table=table) for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_alter_labels"),
        ("redemptions", "0009_add_offer_status"),
        ("vouchers", "0006_alter_labels"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="campaign",
            name="terms_stay",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="campaign",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="campaign",
            name="update_update",
        ),
        migrations.RemoveConstraint(
            model_name="campaign",
            name="vouchers_campaign_state",
        ),
        migrations.RemoveIndex(
            model_name="campaign",
            name="vouchers_open",
        ),
        migrations.AddField(
            model_name="campaign",
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
            model_name="campaignevent",
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
        migrations.RunSQL(DECISIONS, STATES),
        migrations.RemoveField(
            model_name="campaign",
            name="status",
        ),
        migrations.RemoveField(
            model_name="campaignevent",
            name="status",
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                condition=models.Q(("decision", "published")), fields=["end_date"], name="vouchers_open"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="campaign",
            trigger=pgtrigger.compiler.Trigger(
                name="terms_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.decision <> 'draft' AND (OLD.brand_id, OLD.slug, OLD.offer, OLD.discount, OLD.voucher_type, OLD.voucher_valid_days) IS DISTINCT FROM (NEW.brand_id, NEW.slug, NEW.offer, NEW.discount, NEW.voucher_type, NEW.voucher_valid_days))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="fc591becc6bd5a67bb37ea6fd45ffe16cc1c14e6",
                    operation="UPDATE",
                    pgid="pgtrigger_terms_stay_0f5d2",
                    table="vouchers_campaign",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="campaign",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "vouchers_campaignevent" ("brand_id", "created_at", "decision", "description", "discount", "ends_at", "id", "name", "offer", "pass_on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "starts_at", "voucher_type", "voucher_valid_days") VALUES (NEW."brand_id", NEW."created_at", NEW."decision", NEW."description", NEW."discount", NEW."ends_at", NEW."id", NEW."name", NEW."offer", NEW."pass_on", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."slug", NEW."starts_at", NEW."voucher_type", NEW."voucher_valid_days"); RETURN NULL;',
                    hash="50f17bd131507953e211e3b1a3131900fec43ff6",
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
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "vouchers_campaignevent" ("brand_id", "created_at", "decision", "description", "discount", "ends_at", "id", "name", "offer", "pass_on", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "starts_at", "voucher_type", "voucher_valid_days") VALUES (NEW."brand_id", NEW."created_at", NEW."decision", NEW."description", NEW."discount", NEW."ends_at", NEW."id", NEW."name", NEW."offer", NEW."pass_on", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."slug", NEW."starts_at", NEW."voucher_type", NEW."voucher_valid_days"); RETURN NULL;',
                    hash="e617e42fec1676085b0969c4f3bb27c32313183b",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_686f3",
                    table="vouchers_campaign",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ["draft", "published", "paused", "ended", "archived"])),
                name="vouchers_campaign_decision",
            ),
        ),
    ]
