"""IDs of discount codes among the offers of all kinds, in the order in which the codes were created."""

import core.ids
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# as core.ids.uuid7(created_at): 48 bits of milliseconds, the version, 12 bits of the millisecond, 62 random bits
FILL = """
UPDATE discounts_discountcode SET offer_id = encode(
    overlay(
        uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM created_at) * 1000)::bigint) FROM 3 FOR 6)
            || int2send((28672 + floor(mod((extract(epoch FROM created_at) * 1000)::numeric, 1) * 4096))::int2)
        FROM 1 FOR 8
    ), 'hex'
)::uuid;
"""


class Migration(migrations.Migration):
    dependencies = [("discounts", "0006_alter_labels")]

    operations = [
        migrations.AddField(
            model_name="discountcode",
            name="offer_id",
            field=models.UUIDField(editable=False, null=True, verbose_name="offer ID"),
        ),
        pgtrigger.migrations.RemoveTrigger(model_name="discountcode", name="update_update"),
        pgtrigger.migrations.AddTrigger(
            model_name="discountcode",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_active" IS DISTINCT FROM (NEW."is_active") OR OLD."notify" IS DISTINCT FROM (NEW."notify") OR OLD."rule_id" IS DISTINCT FROM (NEW."rule_id") OR OLD."validity" IS DISTINCT FROM (NEW."validity"))',
                    func='INSERT INTO "discounts_discountcodeevent" ("brand_id", "code", "created_at", "created_by_id", "id", "is_active", "notify", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rule_id", "validity") VALUES (NEW."brand_id", NEW."code", NEW."created_at", NEW."created_by_id", NEW."id", NEW."is_active", NEW."notify", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."rule_id", NEW."validity"); RETURN NULL;',
                    hash="cfe6e7d92ee58455aa56fdb727eeceaea5543006",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_5f2a6",
                    table="discounts_discountcode",
                    when="AFTER",
                ),
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="discountcode",
            name="offer_id",
            field=models.UUIDField(default=core.ids.uuid7, editable=False, unique=True, verbose_name="offer ID"),
        ),
    ]
