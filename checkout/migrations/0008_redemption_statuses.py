"""One set of statuses for redemptions of every kind: released, returned and partially returned orders.

An order with some returned lines is partially returned. It still counts as an order, so the triggers that mark
purchase totals treat it as a confirmed one.
"""

from django.db import migrations, models

LIVE = ["reserved", "confirmed", "partially_returned"]
STATUSES = ["reserved", "confirmed", "released", "expired", "partially_returned", "returned"]

RENAME = """
UPDATE checkout_redemption SET status = 'released' WHERE status = 'cancelled';
UPDATE checkout_redemption SET status = 'returned' WHERE status = 'refunded';
UPDATE checkout_redemption r SET status = 'partially_returned'
WHERE status = 'confirmed' AND EXISTS (SELECT FROM checkout_refundedline l WHERE l.redemption_id = r.id);
"""
RENAME_BACK = """
UPDATE checkout_redemption SET status = 'cancelled' WHERE status = 'released';
UPDATE checkout_redemption SET status = 'refunded' WHERE status = 'returned';
UPDATE checkout_redemption SET status = 'confirmed' WHERE status = 'partially_returned';
"""

DROP_TRIGGERS = """
DROP TRIGGER checkout_note_update ON checkout_redemption;
DROP TRIGGER checkout_note_delete ON checkout_redemption;
DROP TRIGGER checkout_note_insert ON checkout_redemption;
"""
TRIGGERS = """
CREATE OR REPLACE FUNCTION checkout_note_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed checkout_redemption;
BEGIN
    FOREACH changed IN ARRAY CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW] WHEN 'DELETE' THEN ARRAY[OLD] ELSE ARRAY[OLD, NEW] END
    LOOP
        IF changed.status IN ({paid}) AND changed.brand_id IS NOT NULL THEN
            INSERT INTO checkout_purchasenote (brand_id, customer_id) VALUES (changed.brand_id, changed.customer_id);
        ELSIF changed.status IN ({paid}) THEN
            INSERT INTO checkout_purchasenote (brand_id, customer_id)
            SELECT DISTINCT brand_id, changed.customer_id FROM checkout_redemptionitem WHERE redemption_id = changed.id;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER checkout_note_insert AFTER INSERT ON checkout_redemption
    FOR EACH ROW WHEN (NEW.status IN ({paid})) EXECUTE FUNCTION checkout_note_purchase();
CREATE TRIGGER checkout_note_delete AFTER DELETE ON checkout_redemption
    FOR EACH ROW WHEN (OLD.status IN ({paid})) EXECUTE FUNCTION checkout_note_purchase();
CREATE TRIGGER checkout_note_update AFTER UPDATE ON checkout_redemption
    FOR EACH ROW WHEN (
        (OLD.status IN ({paid}) OR NEW.status IN ({paid}))
        AND (OLD.status IN ({paid}), OLD.brand_id, OLD.customer_id, OLD.total, OLD.currency, OLD.confirmed_at)
            IS DISTINCT FROM (NEW.status IN ({paid}), NEW.brand_id, NEW.customer_id, NEW.total, NEW.currency, NEW.confirmed_at)
    ) EXECUTE FUNCTION checkout_note_purchase();
"""
PAID_TRIGGERS = TRIGGERS.replace("{paid}", "'confirmed', 'partially_returned'")
CONFIRMED_TRIGGERS = TRIGGERS.replace("{paid}", "'confirmed'")


class Migration(migrations.Migration):
    dependencies = [("checkout", "0007_alter_labels")]

    operations = [
        migrations.RunSQL(DROP_TRIGGERS, CONFIRMED_TRIGGERS),  # the type of a column in a trigger cannot be altered
        migrations.RemoveConstraint("redemption", "checkout_redemption_status"),
        migrations.RemoveConstraint("redemption", "checkout_one_live_per_brand_order"),
        migrations.RemoveConstraint("redemption", "checkout_one_live_per_customer_order"),
        migrations.AlterField(
            "redemption",
            "status",
            models.CharField(
                choices=[
                    ("reserved", "Reserved"),
                    ("confirmed", "Confirmed"),
                    ("released", "Released"),
                    ("expired", "Expired"),
                    ("partially_returned", "Partially returned"),
                    ("returned", "Returned"),
                ],
                default="reserved",
                max_length=18,
                verbose_name="status",
            ),
        ),
        migrations.RunSQL(PAID_TRIGGERS, DROP_TRIGGERS),
        migrations.RunSQL(RENAME, RENAME_BACK),
        migrations.AddConstraint(
            "redemption",
            models.UniqueConstraint(
                "brand",
                "order",
                condition=models.Q(status__in=LIVE, brand__isnull=False),
                name="checkout_one_live_per_brand_order",
            ),
        ),
        migrations.AddConstraint(
            "redemption",
            models.UniqueConstraint(
                "customer",
                "order",
                condition=models.Q(status__in=LIVE, brand__isnull=True),
                name="checkout_one_live_per_customer_order",
            ),
        ),
        migrations.AddConstraint(
            "redemption",
            models.CheckConstraint(condition=models.Q(status__in=STATUSES), name="checkout_redemption_status"),
        ),
    ]
