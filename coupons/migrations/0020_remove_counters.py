"""The tables of the counters of coupons, which are limits now."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("coupons", "0019_add_metadata"),
        ("redemptions", "0018_limits_of_coupons"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="CouponUnit")]),
        migrations.DeleteModel(name="CouponCounter"),
        migrations.DeleteModel(name="UserCouponRedemption"),
    ]
