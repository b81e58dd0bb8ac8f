"""Customers' purchases summed up by brand, and the trigger that notes whose are to be summed up anew."""

import django.db.models.deletion
from django.db import migrations, models

# an order without a brand belongs to those whose offers it took; these are written before it can be confirmed
NOTE = """
CREATE FUNCTION checkout_note_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed checkout_redemption;
BEGIN
    FOREACH changed IN ARRAY CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW] WHEN 'DELETE' THEN ARRAY[OLD] ELSE ARRAY[OLD, NEW] END
    LOOP
        IF changed.status = 'confirmed' AND changed.brand_id IS NOT NULL THEN
            INSERT INTO checkout_purchasenote (brand_id, customer_id) VALUES (changed.brand_id, changed.customer_id);
        ELSIF changed.status = 'confirmed' THEN
            INSERT INTO checkout_purchasenote (brand_id, customer_id)
            SELECT DISTINCT brand_id, changed.customer_id FROM checkout_redemptionitem WHERE redemption_id = changed.id;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER checkout_note_insert AFTER INSERT ON checkout_redemption
    FOR EACH ROW WHEN (NEW.status = 'confirmed') EXECUTE FUNCTION checkout_note_purchase();
CREATE TRIGGER checkout_note_delete AFTER DELETE ON checkout_redemption
    FOR EACH ROW WHEN (OLD.status = 'confirmed') EXECUTE FUNCTION checkout_note_purchase();
CREATE TRIGGER checkout_note_update AFTER UPDATE ON checkout_redemption
    FOR EACH ROW WHEN (
        (OLD.status = 'confirmed' OR NEW.status = 'confirmed')
        AND (OLD.status, OLD.brand_id, OLD.customer_id, OLD.total, OLD.currency, OLD.confirmed_at)
            IS DISTINCT FROM (NEW.status, NEW.brand_id, NEW.customer_id, NEW.total, NEW.currency, NEW.confirmed_at)
    ) EXECUTE FUNCTION checkout_note_purchase();
ALTER TABLE checkout_purchasenote SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
"""
NO_NOTE = """
DROP TRIGGER checkout_note_update ON checkout_redemption;
DROP TRIGGER checkout_note_delete ON checkout_redemption;
DROP TRIGGER checkout_note_insert ON checkout_redemption;
DROP FUNCTION checkout_note_purchase();
"""
SO_FAR = """
INSERT INTO checkout_purchasenote (brand_id, customer_id)
SELECT brand_id, customer_id FROM checkout_redemption WHERE status = 'confirmed' AND brand_id IS NOT NULL
UNION
SELECT i.brand_id, r.customer_id FROM checkout_redemption r JOIN checkout_redemptionitem i ON i.redemption_id = r.id
WHERE r.status = 'confirmed' AND r.brand_id IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("checkout", "0003_backtests"),
    ]

    operations = [
        migrations.CreateModel(
            name="PurchaseNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("brand_id", models.UUIDField()),
                ("customer_id", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="PurchaseSum",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "brand_id", "customer_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("orders", models.IntegerField()),
                ("largest", models.BigIntegerField(null=True)),
                ("first_at", models.DateTimeField(null=True)),
                ("last_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField(null=True)),
                (
                    "brand",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.brand",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="checkout_sums_due"
                    )
                ],
            },
        ),
        migrations.RunSQL(NOTE, NO_NOTE),
        migrations.RunSQL(SO_FAR, migrations.RunSQL.noop),
    ]
