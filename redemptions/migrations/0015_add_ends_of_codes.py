from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

NAME = "promotions_one_code_per_customer_of_batch"
COLUMNS = "(batch_id, customer_id) WHERE archived_at IS NULL AND batch_id IS NOT NULL AND customer_id IS NOT NULL"


class Migration(migrations.Migration):
    """Let codes end before their offer, and keep the texts of revoked codes.

    Codes that were revoked before stay archived.
    """

    atomic = False

    dependencies = [("redemptions", "0014_add_balances")]

    operations = [
        migrations.AddField(
            model_name="code",
            name="expires_at",
            field=models.DateTimeField(
                help_text="When the code ends (exclusive), if that is before its offer does.",
                null=True,
                verbose_name="expires",
            ),
        ),
        migrations.AddField(
            model_name="code",
            name="revoked_at",
            field=models.DateTimeField(editable=False, help_text="Since then the code can't be redeemed.", null=True),
        ),
        AddIndexConcurrently(
            model_name="code",
            index=models.Index(
                condition=models.Q(("batch__isnull", True)), fields=["offer"], name="redemptions_codes_generic"
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"CREATE UNIQUE INDEX CONCURRENTLY {NAME}_new ON promotions_code {COLUMNS} AND revoked_at IS NULL",
                    f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}_new",
                ),
                migrations.RunSQL(
                    f"DROP INDEX CONCURRENTLY {NAME}",
                    f"CREATE UNIQUE INDEX CONCURRENTLY {NAME} ON promotions_code {COLUMNS}",
                ),
                migrations.RunSQL(
                    f"ALTER INDEX {NAME}_new RENAME TO {NAME}",
                    f"ALTER INDEX {NAME} RENAME TO {NAME}_new",
                ),
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="code", name=NAME),
                migrations.AddConstraint(
                    model_name="code",
                    constraint=models.UniqueConstraint(
                        models.F("batch"),
                        models.F("customer"),
                        condition=models.Q(
                            ("archived_at__isnull", True),
                            ("batch__isnull", False),
                            ("customer__isnull", False),
                            ("revoked_at__isnull", True),
                        ),
                        name=NAME,
                    ),
                ),
            ],
        ),
    ]
