import django.core.validators
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    """Let rules hold any offer."""

    dependencies = [
        ("accounts", "0005_add_checkout_by"),
        ("discounts", "0015_add_limits"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="discountrule",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="discountrule",
            name="update_update",
        ),
        migrations.RemoveConstraint(
            model_name="discountrule",
            name="discounts_rule_percentage",
        ),
        migrations.AddField(
            model_name="discountrule",
            name="fingerprint",
            field=models.CharField(db_collation="C", default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="discountrule",
            name="offer",
            field=models.JSONField(blank=True, help_text="In the offer language.", null=True, verbose_name="offer"),
        ),
        migrations.AddField(
            model_name="discountruleevent",
            name="offer",
            field=models.JSONField(blank=True, help_text="In the offer language.", null=True, verbose_name="offer"),
        ),
        migrations.AlterField(
            model_name="discountrule",
            name="discount",
            field=models.PositiveSmallIntegerField(
                help_text="Percentage from 1 to 99.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(99)],
                verbose_name="discount",
            ),
        ),
        migrations.AlterField(
            model_name="discountruleevent",
            name="discount",
            field=models.PositiveSmallIntegerField(
                help_text="Percentage from 1 to 99.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(99)],
                verbose_name="discount",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="discountrule",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "discounts_discountruleevent" ("audience", "brand_id", "created_at", "discount", "id", "name", "offer", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "terms") VALUES (NEW."audience", NEW."brand_id", NEW."created_at", NEW."discount", NEW."id", NEW."name", NEW."offer", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."terms"); RETURN NULL;',
                    hash="07fe0370a576fdbd5a397c3a391cc31d759503c9",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_15b89",
                    table="discounts_discountrule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="discountrule",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."audience" IS DISTINCT FROM (NEW."audience") OR OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."discount" IS DISTINCT FROM (NEW."discount") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."offer" IS DISTINCT FROM (NEW."offer") OR OLD."terms" IS DISTINCT FROM (NEW."terms"))',
                    func='INSERT INTO "discounts_discountruleevent" ("audience", "brand_id", "created_at", "discount", "id", "name", "offer", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "terms") VALUES (NEW."audience", NEW."brand_id", NEW."created_at", NEW."discount", NEW."id", NEW."name", NEW."offer", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."terms"); RETURN NULL;',
                    hash="b386be9e1153343e5ab81233b3efe82dca03959a",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_3fc30",
                    table="discounts_discountrule",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="discountrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("discount__gte", 1),
                        ("discount__isnull", False),
                        ("discount__lte", 99),
                        ("offer__isnull", True),
                    ),
                    models.Q(("discount__isnull", True), ("offer__isnull", False), ("terms", {})),
                    _connector="OR",
                ),
                name="discounts_rule_percentage",
            ),
        ),
    ]
