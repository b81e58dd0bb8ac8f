"""The table of uses, partitioned by code, and the promise that a code's rule is its own brand's."""

import django.db.models.deletion
from django.db import migrations, models

CREATE = """
CREATE TABLE discounts_usage (
    code_id bigint NOT NULL,
    customer_id bigint NOT NULL,
    id uuid NOT NULL,
    used_at timestamptz NOT NULL,
    reserved_until timestamptz,
    redemption_id uuid,
    currency varchar(3),
    amount bigint,
    discount_amount bigint,
    CONSTRAINT discounts_usage_once_per_shopper PRIMARY KEY (code_id, customer_id),
    CONSTRAINT discounts_usage_amounts CHECK (amount >= 0 AND discount_amount BETWEEN 0 AND amount),
    CONSTRAINT discounts_usage_hold CHECK (reserved_until IS NULL OR redemption_id IS NOT NULL)
) PARTITION BY RANGE (code_id);
CREATE INDEX discounts_usage_recent ON discounts_usage (code_id, id);
CREATE INDEX discounts_usage_day ON discounts_usage USING brin (used_at);
CREATE TABLE discounts_usage_rest PARTITION OF discounts_usage DEFAULT;
CREATE TABLE discounts_usage_p0 PARTITION OF discounts_usage FOR VALUES FROM (0) TO (5000);
CREATE TABLE discounts_usage_p1 PARTITION OF discounts_usage FOR VALUES FROM (5000) TO (10000);
CREATE TABLE discounts_usage_p2 PARTITION OF discounts_usage FOR VALUES FROM (10000) TO (15000);
"""

OWN_RULE = """
ALTER TABLE discounts_discountcode ADD CONSTRAINT discounts_code_rule_of_its_brand
    FOREIGN KEY (rule_id, brand_id) REFERENCES discounts_discountrule (id, brand_id);
"""

STATE = migrations.CreateModel(
    name="Usage",
    fields=[
        ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
        ("used_at", models.DateTimeField()),
        ("reserved_until", models.DateTimeField(null=True)),
        ("redemption_id", models.UUIDField(null=True)),
        ("currency", models.CharField(max_length=3, null=True)),
        ("amount", models.BigIntegerField(help_text="What the percentage was taken of", null=True)),
        ("discount_amount", models.BigIntegerField(null=True)),
        (
            "code",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="usages",
                to="discounts.discountcode",
            ),
        ),
        (
            "customer",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="accounts.customer",
            ),
        ),
    ],
    options={"verbose_name": "use", "db_table": "discounts_usage"},
)


class Migration(migrations.Migration):
    dependencies = [("discounts", "0002_initial")]

    operations = [
        migrations.RunSQL(CREATE, "DROP TABLE discounts_usage", state_operations=[STATE]),
        migrations.RunSQL(
            OWN_RULE, "ALTER TABLE discounts_discountcode DROP CONSTRAINT discounts_code_rule_of_its_brand"
        ),
    ]
