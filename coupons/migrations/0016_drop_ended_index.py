"""The index of ended redemptions by status, which only the former list of redemptions asked."""

from django.db import migrations

DROP = "DROP INDEX coupons_redemption_ended"
CREATE = """
CREATE INDEX coupons_redemption_ended ON coupons_couponredemption (coupon_id, status, id) WHERE ended_at IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("coupons", "0015_add_reported_status")]

    operations = [migrations.RunSQL(DROP, CREATE)]
