from django.db import migrations, models

FILL = """
UPDATE checkout_redemption
SET confirmed_by = CASE WHEN brand_id IS NULL AND platform_key IS NULL THEN 'shopper' ELSE 'server' END
WHERE confirmed_at IS NOT NULL;
INSERT INTO checkout_purchasenote (brand_id, customer_id)
SELECT DISTINCT i.brand_id, r.customer_id
FROM checkout_redemption r JOIN checkout_redemptionitem i ON i.redemption_id = r.id
WHERE r.confirmed_by = 'shopper';
"""
TRIGGER = """
CREATE OR REPLACE TRIGGER checkout_note_update AFTER UPDATE ON checkout_redemption
    FOR EACH ROW WHEN (
        (OLD.status IN ('confirmed', 'partially_returned') OR NEW.status IN ('confirmed', 'partially_returned'))
        AND (OLD.status IN ('confirmed', 'partially_returned'), OLD.brand_id, OLD.customer_id,
            OLD.total - OLD.returned_total, OLD.currency, OLD.confirmed_at{more_old})
        IS DISTINCT FROM (NEW.status IN ('confirmed', 'partially_returned'), NEW.brand_id, NEW.customer_id,
            NEW.total - NEW.returned_total, NEW.currency, NEW.confirmed_at{more_new})
    ) EXECUTE FUNCTION checkout_note_purchase();
"""
WITH_ACTOR = TRIGGER.format(more_old=", OLD.confirmed_by", more_new=", NEW.confirmed_by")
WITHOUT_ACTOR = TRIGGER.format(more_old="", more_new="")


class Migration(migrations.Migration):
    dependencies = [("checkout", "0018_add_platform_key")]

    operations = [
        migrations.AddField(
            "redemption",
            "confirmed_by",
            models.CharField(
                blank=True,
                choices=[("server", "Server"), ("staff", "Staff"), ("shopper", "Shopper")],
                db_default="",
                default="",
                help_text="Orders that shoppers confirmed don't count as orders of the customer.",
                max_length=7,
                verbose_name="confirmed by",
            ),
        ),
        migrations.RunSQL(WITH_ACTOR, WITHOUT_ACTOR),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
