"""Redemptions of promotions."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Customer
from promotions.models.promotions import Promotion


class PromotionRedemption(models.Model):
    """A redemption of a promotion.

    ``amount`` is in minor units of ``currency``, the cart's; None for a redemption of an earlier release, in the
    promotion's currency.

    ``reserved_until`` is set while the redemption is reserved and empty once it is confirmed. ``counters`` lists what
    was taken of the limits, each as ``[scope, slot, shard, amount]``, so that the same is released. Refunds of lines
    return parts of the amount: ``returned_amount``, which the counter of the budget doesn't contain any more.
    """

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="uses", db_index=False)
    redemption_id = models.UUIDField()
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    code = models.CharField(
        max_length=64, blank=True, default="", help_text=_("The single-use code that was redeemed.")
    )
    amount = models.BigIntegerField()
    returned_amount = models.BigIntegerField(default=0, db_default=0, help_text=_("What refunds returned of it."))
    currency = models.CharField(max_length=3, null=True)
    counters = models.JSONField(default=list)
    redeemed_at = models.DateTimeField(db_column="taken_at")
    reserved_until = models.DateTimeField(null=True, db_column="held_until")

    class Meta:
        db_table = "promotions_promotionuse"
        constraints = [
            models.UniqueConstraint("promotion", "redemption_id", name="promotions_use_once_per_redemption"),
            models.UniqueConstraint(
                "promotion", "code", name="promotions_code_used_once", condition=~models.Q(code="")
            ),
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
