import django.db.models.deletion
from django.db import migrations, models


CREATE = """
ALTER TABLE promotions_promotionuse
    ADD COLUMN kind varchar(20) NOT NULL DEFAULT 'promotion',
    ADD COLUMN is_lapsed boolean NOT NULL DEFAULT false;
"""
DROP = """
DELETE FROM promotions_promotionuse WHERE kind <> 'promotion' OR is_lapsed;
ALTER TABLE promotions_promotionuse DROP COLUMN kind, DROP COLUMN is_lapsed;
"""


class Migration(migrations.Migration):
    """Count uses of offers of every kind in the table of those of promotions."""

    dependencies = [
        ("accounts", "0003_alter_labels"),
        ("redemptions", "0010_add_budget_thresholds"),
        ("promotions", "0017_add_ceilings"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, DROP)],
            state_operations=[
                migrations.CreateModel(
                    name="OfferUse",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(db_default="promotion", default="promotion", max_length=20)),
                        ("offer_id", models.UUIDField(db_column="promotion_id")),
                        ("redemption_id", models.UUIDField()),
                        (
                            "code",
                            models.CharField(
                                blank=True,
                                default="",
                                help_text="The single-use code that was redeemed.",
                                max_length=64,
                            ),
                        ),
                        ("amount", models.BigIntegerField()),
                        (
                            "returned_amount",
                            models.BigIntegerField(db_default=0, default=0, help_text="What refunds returned of it."),
                        ),
                        ("currency", models.CharField(max_length=3, null=True)),
                        ("counters", models.JSONField(default=list)),
                        ("redeemed_at", models.DateTimeField(db_column="taken_at")),
                        ("reserved_until", models.DateTimeField(db_column="held_until", null=True)),
                        ("is_lapsed", models.BooleanField(db_default=False, default=False)),
                        (
                            "customer",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="accounts.customer",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "promotions_promotionuse",
                        "indexes": [
                            models.Index(
                                condition=models.Q(("reserved_until__isnull", False)),
                                fields=["offer_id", "reserved_until"],
                                name="promotions_use_held",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                models.F("offer_id"),
                                models.F("redemption_id"),
                                name="promotions_use_once_per_redemption",
                            ),
                            models.UniqueConstraint(
                                models.F("offer_id"),
                                models.F("code"),
                                condition=models.Q(("code", ""), _negated=True),
                                name="promotions_code_used_once",
                            ),
                        ],
                    },
                ),
            ],
        )
    ]
