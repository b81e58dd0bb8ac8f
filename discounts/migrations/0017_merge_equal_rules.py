import hashlib
import json

from django.db import migrations


def merge_equal_rules(apps, schema_editor):
    """Set the fingerprints of rules, give the codes of equal rules of a brand the oldest one, and delete the others."""
    rules, codes = apps.get_model("discounts", "DiscountRule"), apps.get_model("discounts", "DiscountCode")
    kept = {}
    for rule in rules.objects.order_by("created_at", "pk").iterator():
        values = {"name": rule.name, "audience": rule.audience, "discount": rule.discount, "terms": rule.terms}
        text = json.dumps(values | {"offer": None}, sort_keys=True)
        rule.fingerprint = hashlib.sha256(text.encode()).hexdigest()
        first = kept.setdefault((rule.brand_id, rule.fingerprint), rule.pk)
        if first == rule.pk:
            rule.save(update_fields=["fingerprint"])
        else:
            codes.objects.filter(rule=rule).update(rule_id=first)
            rule.delete()


class Migration(migrations.Migration):
    """Keep equal rules of a brand once."""

    dependencies = [("discounts", "0016_add_rule_offers")]

    operations = [migrations.RunPython(merge_equal_rules, migrations.RunPython.noop)]
