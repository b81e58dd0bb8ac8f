from django.db import migrations, models


class Migration(migrations.Migration):
    """Turn the promotion of a code or batch into the ID of an offer of any kind. The old index stays for now."""

    dependencies = [("promotions", "0009_limits")]

    operations = [
        migrations.RemoveConstraint(model_name="code", name="promotions_code_promotion"),
        migrations.RemoveConstraint(model_name="codebatch", name="promotions_batch_promotion"),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveIndex(model_name="code", name="promotions_codes_of")]
        ),
        migrations.AlterField(
            model_name="code", name="promotion", field=models.UUIDField(null=True, db_column="promotion_id")
        ),
        migrations.RenameField(model_name="code", old_name="promotion", new_name="offer"),
        migrations.AlterField(model_name="code", name="offer", field=models.UUIDField(null=True)),
        migrations.AlterField(
            model_name="codebatch", name="promotion", field=models.UUIDField(null=True, db_column="promotion_id")
        ),
        migrations.RenameField(model_name="codebatch", old_name="promotion", new_name="offer"),
        migrations.AlterField(model_name="codebatch", name="offer", field=models.UUIDField(null=True)),
    ]
