from django.db import migrations


class Migration(migrations.Migration):
    """The key of codes is collated as C, so its own index answers LIKE; Django's second one only costs."""

    dependencies = [("promotions", "0003_batches")]

    operations = [
        migrations.RunSQL(
            "DROP INDEX IF EXISTS promotions_code_text_cdf87b53_like",
            "CREATE INDEX IF NOT EXISTS promotions_code_text_cdf87b53_like"
            " ON promotions_code (text varchar_pattern_ops)",
        )
    ]
