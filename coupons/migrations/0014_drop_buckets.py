from importlib import import_module

from django.db import migrations

reports = import_module("coupons.migrations.0003_reports")


class Migration(migrations.Migration):
    """Drop the sums of reports and the triggers that kept them: results are sums of events, for every kind of offer."""

    dependencies = [("coupons", "0013_add_returned_amounts"), ("redemptions", "0006_results")]

    operations = [
        migrations.RunSQL(reports.NO_NOTES, reports.BUCKETS + reports.NOTES),
        migrations.DeleteModel(name="DirtyBucket"),
        migrations.DeleteModel(name="RedemptionBucket"),
    ]
