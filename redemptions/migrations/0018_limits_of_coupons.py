"""Counters of coupons, counts of their customers and units of pools become limits, which all kinds of offer share."""

from django.db import migrations, models

MOVE = """
INSERT INTO redemptions_limit (owner, scope, slot, shard, taken, cap)
SELECT k.coupon_id, CASE d.limit_strategy WHEN 'sharded' THEN 'total' ELSE 'total:' || d.limit_strategy END, '', k.shard,
    k.taken, k.cap
FROM coupons_couponcounter k JOIN coupons_coupondefinition d ON d.id = k.coupon_id;
INSERT INTO redemptions_limit (owner, scope, slot, shard, taken, cap)
SELECT coupon_id, 'customer', customer_id::text, 0, redemption_count, greatest(redemption_count, coalesce(cap, 4611686018427387904))
FROM coupons_usercouponredemption;
ALTER TABLE coupons_couponunit RENAME TO redemptions_limitunit;
ALTER TABLE redemptions_limitunit RENAME COLUMN coupon_id TO owner;
ALTER TABLE redemptions_limitunit RENAME COLUMN n TO number;
ALTER TABLE redemptions_limitunit RENAME CONSTRAINT coupons_couponunit_pkey TO redemptions_limitunit_pkey;
ALTER INDEX coupons_unit_free RENAME TO redemptions_unit_free;
ALTER TABLE redemptions_limit SET (fillfactor = 80);
"""

MOVE_BACK = """
ALTER TABLE redemptions_limit RESET (fillfactor);
ALTER INDEX redemptions_unit_free RENAME TO coupons_unit_free;
ALTER TABLE redemptions_limitunit RENAME CONSTRAINT redemptions_limitunit_pkey TO coupons_couponunit_pkey;
ALTER TABLE redemptions_limitunit RENAME COLUMN number TO n;
ALTER TABLE redemptions_limitunit RENAME COLUMN owner TO coupon_id;
ALTER TABLE redemptions_limitunit RENAME TO coupons_couponunit;
INSERT INTO coupons_couponcounter (coupon_id, shard, taken, cap)
SELECT l.owner, l.shard, l.taken, l.cap
FROM redemptions_limit l JOIN coupons_coupondefinition d ON d.id = l.owner
WHERE split_part(l.scope, ':', 1) = 'total' AND l.shard >= 0;
INSERT INTO coupons_usercouponredemption (coupon_id, customer_id, redemption_count, cap)
SELECT l.owner, l.slot::bigint, l.taken, CASE WHEN l.cap < 2147483647 THEN l.cap END
FROM redemptions_limit l JOIN coupons_coupondefinition d ON d.id = l.owner
WHERE l.scope = 'customer' AND l.slot ~ '^[0-9]+$';
DELETE FROM redemptions_limit l USING coupons_coupondefinition d
WHERE d.id = l.owner AND (split_part(l.scope, ':', 1) = 'total' OR l.scope = 'customer' AND l.slot ~ '^[0-9]+$');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("redemptions", "0017_add_grants"),
        ("coupons", "0019_add_metadata"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(MOVE, MOVE_BACK)],
            state_operations=[
                migrations.CreateModel(
                    name="LimitUnit",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "owner", "number", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("owner", models.UUIDField()),
                        ("number", models.IntegerField()),
                        ("redemption_id", models.UUIDField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("redemption_id__isnull", True)),
                                fields=["owner", "number"],
                                name="redemptions_unit_free",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
