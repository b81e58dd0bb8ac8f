"""Loyalty rewards: 10% off an order, once per customer, for everyone who has the code."""

from typing import ClassVar

from django.db import models

from accounts.models import Brand, Customer
from core.ids import uuid7
from redemptions.lifecycle import list_indexes, live_index, unique_external_id
from redemptions.limits.rules import CUSTOMER_ONCE
from redemptions.uses.models import OfferLimits


class LoyaltyReward(OfferLimits):
    """A reward of a brand. Its code is in the table of codes."""

    offer_kind: ClassVar = "loyalty_reward"
    customer_caps: ClassVar = {CUSTOMER_ONCE: 1}

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    start_date = models.DateTimeField()
    end_date = models.DateTimeField()
    limit_total = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [unique_external_id("loyalty")]
        indexes: ClassVar = [live_index("loyalty_live"), *list_indexes("loyalty")]

    def __str__(self) -> str:
        return self.name


class RewardUse(models.Model):
    """The use of a reward by a customer. ``reserved_until`` is null once its order is confirmed."""

    reward = models.ForeignKey(LoyaltyReward, models.CASCADE, related_name="uses")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    redemption_id = models.UUIDField()
    reserved_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("reward", "customer", name="loyalty_once_per_customer")]

    def __str__(self) -> str:
        return f"{self.reward_id} by {self.customer_id}"
