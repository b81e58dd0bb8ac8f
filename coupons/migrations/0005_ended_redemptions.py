"""Redemptions that gave their place back, found by their code and by their state; what stands costs nothing more. And the
audit log of those that the brand's people end.
"""

import django.db.models.deletion
from django.db import migrations, models

INDEXES = """
CREATE INDEX coupons_redemption_ended ON coupons_couponredemption (coupon_id, status, id) WHERE ended_at IS NOT NULL;
CREATE INDEX coupons_redemption_ended_code ON coupons_couponredemption (code, id) WHERE ended_at IS NOT NULL AND code <> '';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("coupons", "0004_no_brin"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.RunSQL(INDEXES, "DROP INDEX coupons_redemption_ended, coupons_redemption_ended_code"),
        migrations.CreateModel(
            name="CouponRedemptionEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("reserved", "Reserved"),
                            ("confirmed", "Confirmed"),
                            ("released", "Released"),
                            ("expired", "Expired"),
                            ("refunded", "Refunded"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "coupon",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="coupons.coupondefinition",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="accounts.customer",
                    ),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="coupon_customer_code_status_events",
                        to="coupons.couponredemption",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
    ]
