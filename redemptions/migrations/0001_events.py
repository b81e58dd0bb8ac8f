"""The event log: append-only, partitioned by the month of the ID, and the functions of its columns and readers."""

import uuid
from datetime import UTC, datetime, timedelta

import django.db.models.deletion
from django.db import migrations, models

# PostgreSQL has uuidv7() from version 18 on; the other body makes the same: 48 bits of milliseconds, the version, 12 bits
# of the millisecond, the variant and random bits
UUID7 = """
SELECT encode(
    overlay(
        uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(ms)::bigint) FROM 3 FOR 6) || int2send((28672 + floor(mod(ms, 1) * 4096))::int2)
        FROM 1 FOR 8
    ), 'hex'
)::uuid
FROM (SELECT extract(epoch FROM clock_timestamp())::numeric * 1000 AS ms) AS clock
"""
CREATE_UUID7 = f"""
DO $do$
BEGIN
    IF to_regprocedure('pg_catalog.uuidv7()') IS NOT NULL THEN
        CREATE FUNCTION redemptions_uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT uuidv7()';
    ELSE
        CREATE FUNCTION redemptions_uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS $uuid7${UUID7}$uuid7$;
    END IF;
END $do$;
"""

# The epoch and its offset are constants, which a restore into another server changes (redemptions.events.services.epochs)
CREATE = """
CREATE FUNCTION redemptions_event_epoch() RETURNS text LANGUAGE sql STABLE AS $$ SELECT '1' $$;
CREATE FUNCTION redemptions_event_offset() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT 0::bigint $$;
CREATE FUNCTION redemptions_event_tx() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT pg_current_xact_id()::text::bigint + redemptions_event_offset() $$;
CREATE FUNCTION redemptions_event_horizon() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + redemptions_event_offset() $$;

CREATE TABLE redemptions_event (
    id uuid NOT NULL DEFAULT redemptions_uuid7(),
    tx bigint NOT NULL DEFAULT redemptions_event_tx(),
    created_at timestamptz NOT NULL,
    brand_id uuid NOT NULL,
    offer_id uuid,
    redemption_id uuid,
    customer_id bigint,
    amount bigint,
    subtotal bigint,
    type varchar(40) NOT NULL,
    kind varchar(20) NOT NULL DEFAULT '',
    currency varchar(3) NOT NULL DEFAULT '',
    code varchar(64) NOT NULL DEFAULT '',
    "order" varchar(100) NOT NULL DEFAULT '',
    reason jsonb,
    data jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT redemptions_event_pkey PRIMARY KEY (brand_id, tx, id)
) PARTITION BY RANGE (id);
CREATE INDEX redemptions_event_tx ON redemptions_event USING brin (tx) WITH (autosummarize = on, pages_per_range = 32);
CREATE INDEX redemptions_event_id ON redemptions_event USING brin (id) WITH (autosummarize = on, pages_per_range = 32);
CREATE INDEX redemptions_event_of_offer ON redemptions_event (offer_id, tx) WHERE offer_id IS NOT NULL;
CREATE INDEX redemptions_event_of_customer ON redemptions_event (customer_id, tx) WHERE customer_id IS NOT NULL;
CREATE INDEX redemptions_event_of_order ON redemptions_event ("order", tx) WHERE "order" <> '';
CREATE INDEX redemptions_event_of_code ON redemptions_event (code, tx) WHERE code <> '';
CREATE TABLE redemptions_event_rest PARTITION OF redemptions_event DEFAULT;
"""
DROP = """
DROP TABLE redemptions_event;
DROP FUNCTION redemptions_event_horizon(), redemptions_event_tx(), redemptions_event_offset(), redemptions_event_epoch();
DROP FUNCTION redemptions_uuid7();
"""

STATE = migrations.CreateModel(
    name="Event",
    fields=[
        ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
        ("tx", models.BigIntegerField(editable=False)),
        ("created_at", models.DateTimeField(verbose_name="created")),
        ("redemption_id", models.UUIDField(null=True)),
        ("offer_id", models.UUIDField(null=True)),
        ("amount", models.BigIntegerField(null=True)),
        ("subtotal", models.BigIntegerField(null=True)),
        ("type", models.CharField(max_length=40, verbose_name="type")),
        ("kind", models.CharField(blank=True, default="", max_length=20, verbose_name="kind")),
        ("currency", models.CharField(blank=True, default="", max_length=3)),
        ("code", models.CharField(blank=True, default="", max_length=64, verbose_name="code")),
        ("order", models.CharField(blank=True, default="", max_length=100, verbose_name="order")),
        ("reason", models.JSONField(null=True)),
        ("data", models.JSONField(default=dict)),
        (
            "brand",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="accounts.brand",
            ),
        ),
        (
            "customer",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="accounts.customer",
            ),
        ),
    ],
    options={"verbose_name": "event", "verbose_name_plural": "events"},
)


def create_months(apps, schema_editor):
    """Create the partitions of this month and of the two after it; the daily task continues."""
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(3):
        after = (first + timedelta(days=31)).replace(day=1)
        low, high = (uuid.UUID(int=int(day.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62) for day in (first, after))
        schema_editor.execute(
            f"CREATE TABLE redemptions_event_{first:%Y_%m} PARTITION OF redemptions_event"
            f" FOR VALUES FROM ('{low}') TO ('{high}')"
        )
        first = after


class Migration(migrations.Migration):
    initial = True
    dependencies = [("accounts", "0003_alter_labels")]

    operations = [
        migrations.RunSQL(CREATE_UUID7, migrations.RunSQL.noop),
        migrations.RunSQL(CREATE, DROP, state_operations=[STATE]),
        migrations.RunPython(create_months, migrations.RunPython.noop),
    ]
