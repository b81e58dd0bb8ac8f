from django.db import migrations

COPY = """
INSERT INTO redemptions_limit (owner, scope, slot, shard, taken, cap)
SELECT c.promotion_id, CASE c.kind WHEN 'user' THEN 'customer' WHEN 'budget' THEN 'budget:' || p.currency ELSE c.kind END,
    c.slot, c.shard, c.taken, c.cap
FROM promotions_promotioncounter c JOIN promotions_promotion p ON p.id = c.promotion_id
"""
COPY_BACK = """
INSERT INTO promotions_promotioncounter (promotion_id, kind, slot, shard, taken, cap)
SELECT owner, CASE WHEN scope = 'customer' THEN 'user' ELSE split_part(scope, ':', 1) END, slot, shard, taken, cap
FROM redemptions_limit l JOIN promotions_promotion p ON p.id = l.owner
WHERE shard >= 0
"""
DELETE = "DELETE FROM redemptions_limit WHERE owner IN (SELECT id FROM promotions_promotion)"
RENAME = """
UPDATE promotions_promotionuse u SET counters = (
    SELECT jsonb_agg(jsonb_set(c, '{0}', to_jsonb(
        CASE c ->> 0 WHEN 'user' THEN 'customer' WHEN 'budget' THEN 'budget:' || p.currency ELSE c ->> 0 END
    )) ORDER BY position)
    FROM jsonb_array_elements(u.counters) WITH ORDINALITY AS a (c, position)
)
FROM promotions_promotion p
WHERE p.id = u.promotion_id AND u.counters @? '$[*] ? (@[0] == "user" || @[0] == "budget")'
"""
RENAME_BACK = """
UPDATE promotions_promotionuse u SET counters = (
    SELECT jsonb_agg(jsonb_set(c, '{0}', to_jsonb(
        CASE WHEN c ->> 0 = 'customer' THEN 'user' ELSE split_part(c ->> 0, ':', 1) END
    )) ORDER BY position)
    FROM jsonb_array_elements(u.counters) WITH ORDINALITY AS a (c, position)
)
WHERE u.counters @? '$[*] ? (@[0] == "customer" || @[0] starts with "budget:")'
"""


class Migration(migrations.Migration):
    """Move the counters of promotions to the table of limits, with the names of its scopes."""

    dependencies = [("promotions", "0008_alter_labels"), ("redemptions", "0002_limits")]

    operations = [
        migrations.RunSQL(COPY, [COPY_BACK, DELETE]),
        migrations.RunSQL(RENAME, RENAME_BACK),
        migrations.DeleteModel(name="PromotionCounter"),
    ]
