"""A coupon redemption that was given back is returned, as in every kind of offer."""

from django.db import migrations, models

CONSTRAINT = """
ALTER TABLE coupons_couponredemption DROP CONSTRAINT coupons_redemption_state;
UPDATE coupons_couponredemption SET status = '{new}' WHERE status = '{old}';
UPDATE coupons_couponredemptionevent SET status = '{new}' WHERE status = '{old}';
UPDATE coupons_couponredemptionevent SET pgh_label = '{new}' WHERE pgh_label = '{old}';
ALTER TABLE coupons_couponredemption ADD CONSTRAINT coupons_redemption_state CHECK (
    CASE status
        WHEN 'reserved' THEN reserved_until IS NOT NULL AND redeemed_at IS NULL AND ended_at IS NULL
        WHEN 'confirmed' THEN redeemed_at IS NOT NULL AND ended_at IS NULL
        WHEN '{new}' THEN redeemed_at IS NOT NULL AND ended_at IS NOT NULL
        WHEN 'released' THEN redeemed_at IS NULL AND ended_at IS NOT NULL
        WHEN 'expired' THEN redeemed_at IS NULL AND ended_at IS NOT NULL
        ELSE false
    END
);
"""
WIDEN = "ALTER TABLE {table} ALTER COLUMN status TYPE varchar({length});"
TABLES = ("coupons_couponredemption", "coupons_couponredemptionevent")
CHOICES = [
    ("reserved", "Reserved"),
    ("confirmed", "Confirmed"),
    ("released", "Released"),
    ("expired", "Expired"),
    ("returned", "Returned"),
]


def widen(length: int) -> str:
    """Return the statements that set the length of the status."""
    return "".join(WIDEN.format(table=table, length=length) for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [("coupons", "0008_alter_labels")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(widen(18), widen(9))],
            state_operations=[
                migrations.AlterField(
                    model,
                    "status",
                    models.CharField(choices=CHOICES, max_length=18, verbose_name="status"),
                )
                for model in ("couponredemption", "couponredemptionevent")
            ],
        ),
        migrations.RunSQL(
            CONSTRAINT.format(old="refunded", new="returned"), CONSTRAINT.format(old="returned", new="refunded")
        ),
    ]
