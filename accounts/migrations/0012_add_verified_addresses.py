"""Record when an email address was verified. Addresses of existing accounts count as verified by the upgrade."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_alter_customer_ids"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="user",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="user",
            name="update_update",
        ),
        migrations.AddField(  # the default of the column fills existing rows without writing them
            model_name="user",
            name="email_verified_at",
            field=models.DateTimeField(
                blank=True, db_default=Now(), editable=False, null=True, verbose_name="email verified"
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="email_verified_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="email verified"),
        ),
        migrations.AddField(
            model_name="userevent",
            name="email_verified_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="email verified"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="reset_verification",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF lower(NEW.email) <> lower(OLD.email)\n                        AND NEW.email_verified_at IS NOT DISTINCT FROM OLD.email_verified_at\n                    THEN\n                        NEW.email_verified_at := NULL;\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="56c757a5f8be72227612db6a4727c7afb2003d2d",
                    operation='UPDATE OF "email"',
                    pgid="pgtrigger_reset_verification_cbe4a",
                    table="accounts_user",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_userevent" ("date_joined", "email", "email_verified_at", "id", "is_active", "is_superuser", "language", "marketing_consent", "marketing_consent_at", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "username", "uuid") VALUES (NEW."date_joined", NEW."email", NEW."email_verified_at", NEW."id", NEW."is_active", NEW."is_superuser", NEW."language", NEW."marketing_consent", NEW."marketing_consent_at", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."username", NEW."uuid"); RETURN NULL;',
                    hash="87242515c7c735ac3522a3ffae59395b37a94179",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_3867c",
                    table="accounts_user",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."date_joined" IS DISTINCT FROM (NEW."date_joined") OR OLD."email" IS DISTINCT FROM (NEW."email") OR OLD."email_verified_at" IS DISTINCT FROM (NEW."email_verified_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_active" IS DISTINCT FROM (NEW."is_active") OR OLD."is_superuser" IS DISTINCT FROM (NEW."is_superuser") OR OLD."language" IS DISTINCT FROM (NEW."language") OR OLD."marketing_consent" IS DISTINCT FROM (NEW."marketing_consent") OR OLD."marketing_consent_at" IS DISTINCT FROM (NEW."marketing_consent_at") OR OLD."phone" IS DISTINCT FROM (NEW."phone") OR OLD."username" IS DISTINCT FROM (NEW."username") OR OLD."uuid" IS DISTINCT FROM (NEW."uuid"))',
                    func='INSERT INTO "accounts_userevent" ("date_joined", "email", "email_verified_at", "id", "is_active", "is_superuser", "language", "marketing_consent", "marketing_consent_at", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "username", "uuid") VALUES (NEW."date_joined", NEW."email", NEW."email_verified_at", NEW."id", NEW."is_active", NEW."is_superuser", NEW."language", NEW."marketing_consent", NEW."marketing_consent_at", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."username", NEW."uuid"); RETURN NULL;',
                    hash="d989ec2451a64b5e7dbfc26d503deea6e0dd972c",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_0e890",
                    table="accounts_user",
                    when="AFTER",
                ),
            ),
        ),
    ]
