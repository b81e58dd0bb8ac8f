from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Require the offer of each code and batch, which the migrations of the kinds have set, and index it."""

    atomic = False
    dependencies = [
        ("coupons", "0010_offers_of_codes"),
        ("discounts", "0008_offers_of_codes"),
        ("redemptions", "0003_codes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="codebatch",
            name="offer",
            field=models.UUIDField(
                editable=False, help_text="ID of the offer that the codes belong to.", verbose_name="offer"
            ),
        ),
        migrations.AlterField(
            model_name="code",
            name="offer",
            field=models.UUIDField(help_text="ID of the offer that the code is redeemed for.", verbose_name="offer"),
        ),
        AddIndexConcurrently(
            model_name="codebatch", index=models.Index(fields=["offer", "-id"], name="redemptions_batches_of_offer")
        ),
        AddIndexConcurrently(
            model_name="code", index=models.Index(fields=["offer", "text"], name="redemptions_codes_of_offer")
        ),
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY promotions_codes_of",
            "CREATE INDEX CONCURRENTLY promotions_codes_of ON promotions_code (offer, text) WHERE offer IS NOT NULL",
        ),
    ]
