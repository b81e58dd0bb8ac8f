"""Redemptions of promotions, and the counters of their limits."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Customer
from promotions.models.promotions import Promotion


class PromotionRedemption(models.Model):
    """A redemption of a promotion with limits, or of a single-use code.

    ``reserved_until`` is set while the redemption is reserved and empty once it is confirmed. ``counters`` lists the
    counters that were increased, each as ``[kind, scope key, shard, amount]``, so that a release decreases the same.
    """

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="uses", db_index=False)
    redemption_id = models.UUIDField()
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    code = models.CharField(
        max_length=64, blank=True, default="", help_text=_("The single-use code that was redeemed.")
    )
    amount = models.BigIntegerField()
    counters = models.JSONField(default=list)
    redeemed_at = models.DateTimeField(db_column="taken_at")
    reserved_until = models.DateTimeField(null=True, db_column="held_until")

    class Meta:
        db_table = "promotions_promotionuse"
        constraints = [
            models.UniqueConstraint("promotion", "redemption_id", name="promotions_use_once_per_redemption"),
            models.UniqueConstraint("code", name="promotions_code_used_once", condition=~models.Q(code="")),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["promotion", "reserved_until"],
                name="promotions_use_held",
                condition=models.Q(reserved_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Promotion {self.promotion_id} in redemption {self.redemption_id}"


class PromotionCounter(models.Model):
    """The usage of a limit: ``taken`` units of ``cap``. A large limit is split into shards.

    ``scope_key`` is the customer's key for a limit per customer, the first day of the period for a limit per day, week
    or month, and empty otherwise. A promotion without limits and budget has no rows.
    """

    pk = models.CompositePrimaryKey("promotion_id", "kind", "scope_key", "shard")
    promotion = models.ForeignKey(Promotion, models.CASCADE, related_name="counters", db_index=False)
    kind = models.CharField(
        max_length=6, choices=[(kind, kind) for kind in ("total", "user", "day", "week", "month", "budget")]
    )
    scope_key = models.CharField(max_length=20, blank=True, default="", db_column="slot")
    shard = models.SmallIntegerField(default=0)
    taken = models.BigIntegerField(default=0)
    cap = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(taken__gte=0, taken__lte=models.F("cap")), name="promotions_counter_within_cap"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.scope_key}: {self.taken} of {self.cap}"
