from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("discounts", "0017_merge_equal_rules")]

    operations = [
        migrations.AddConstraint(
            model_name="discountrule",
            constraint=models.UniqueConstraint(models.F("brand"), models.F("fingerprint"), name="discounts_rule_once"),
        ),
    ]
