"""Two indexes of redemptions that nothing asks: reports read by coupon and moment, which has an index of its own."""

from django.db import migrations

DROP = "DROP INDEX coupons_redemption_redeemed; DROP INDEX coupons_redemption_changed;"
CREATE = """
CREATE INDEX coupons_redemption_redeemed ON coupons_couponredemption USING brin (redeemed_at);
CREATE INDEX coupons_redemption_changed ON coupons_couponredemption USING brin (changed_at);
"""


class Migration(migrations.Migration):
    dependencies = [("coupons", "0003_reports")]

    operations = [migrations.RunSQL(DROP, CREATE)]
