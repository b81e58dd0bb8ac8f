from django.db import migrations, models

DROP = """
ALTER TABLE discounts_discountcode DROP CONSTRAINT discounts_discountcode_code_key;
DROP INDEX discounts_discountcode_code_09aa852a_like;
DROP INDEX discounts_discountcodeevent_code_0649f3fa;
DROP INDEX discounts_discountcodeevent_code_0649f3fa_like;
"""
RESTORE = """
ALTER TABLE discounts_discountcode ADD CONSTRAINT discounts_discountcode_code_key UNIQUE (code);
CREATE INDEX discounts_discountcode_code_09aa852a_like ON discounts_discountcode (code varchar_pattern_ops);
CREATE INDEX discounts_discountcodeevent_code_0649f3fa ON discounts_discountcodeevent (code);
CREATE INDEX discounts_discountcodeevent_code_0649f3fa_like ON discounts_discountcodeevent (code varchar_pattern_ops);
"""


def name_offers(apps, schema_editor):
    """Rewrite waiting announcements and their mailings, which name a code by its text, to name its offer."""
    offers = {
        text: str(offer)
        for text, offer in apps.get_model("discounts", "DiscountCode").objects.values_list("code", "offer_id")
    }
    mailings = apps.get_model("mail", "Mailing").objects
    for mailing in mailings.filter(key__startswith="discount_code:").iterator():
        offer = offers.get(mailing.key.removeprefix("discount_code:"))
        if offer is not None:
            mailing.key = f"discount_code:{offer}"
            mailing.data = {"offer": offer, "audience": mailing.data["audience"]}
            mailing.save(update_fields=["key", "data"])
    for message in apps.get_model("kernel", "OutboxMessage").objects.filter(task="discounts.announce").iterator():
        if offer := offers.get(message.kwargs.get("code", "")):
            message.kwargs = {"offer": offer}
            message.save(update_fields=["kwargs"])


class Migration(migrations.Migration):
    """Keep the text of a discount code without a reference: other brands, and archived codes, can have the same."""

    dependencies = [
        ("discounts", "0008_offers_of_codes"),
        ("kernel", "0004_alter_labels"),
        ("mail", "0006_alter_labels"),
        ("redemptions", "0005_codes_per_brand"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(DROP, RESTORE)],
            state_operations=[
                migrations.AlterField(
                    model_name=name,
                    name="code",
                    field=models.CharField(db_collation="C", editable=False, max_length=64, verbose_name="code"),
                )
                for name in ("discountcode", "discountcodeevent")
            ],
        ),
        migrations.AddIndex(
            model_name="discountcode",
            index=models.Index(fields=["brand", "code"], name="discounts_code_by_text"),
        ),
        migrations.RunPython(name_offers, migrations.RunPython.noop),
    ]
