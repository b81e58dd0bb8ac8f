from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("coupons", "0006_rename_models"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex(
                    model_name="couponunit",
                    name="coupons_unit_free",
                ),
                migrations.AlterField(
                    model_name="couponunit",
                    name="n",
                    field=models.IntegerField(db_column="n"),
                ),
                migrations.RenameField(
                    model_name="couponunit",
                    old_name="n",
                    new_name="number",
                ),
                migrations.AlterField(
                    model_name="couponunit",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "coupon_id", "number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                migrations.AddIndex(
                    model_name="couponunit",
                    index=models.Index(
                        condition=models.Q(("redemption_id__isnull", True)),
                        fields=["coupon", "number"],
                        name="coupons_unit_free",
                    ),
                ),
            ],
        ),
    ]
