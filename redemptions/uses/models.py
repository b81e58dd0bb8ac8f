"""Budgets and limits of an offer, and the uses that take from them, the same for every kind."""

import uuid
from collections.abc import Mapping, Sequence
from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Customer
from redemptions.contracts import LimitedOffer
from redemptions.lifecycle import OfferLifecycle
from redemptions.limits.models import Strategy
from redemptions.uses.contracts import list_budgets, list_caps, read_limits


class OfferLimits(OfferLifecycle):
    """Base of an offer with budgets and limits. ``budget`` is in minor units of ``currency``, the brand's.

    ``other_budgets`` are the budgets in other currencies, and ``max_per_order`` and ``max_per_customer`` what the offer
    gives at most, all in minor units by currency. A cart in another currency doesn't get the offer. ``limit_units`` is
    how many units of goods, counted over all orders, it is applied to.
    """

    own_scopes: ClassVar[Sequence[str]] = ()  # of limits that the kind counts by its own rows instead of uses

    currency = models.CharField(_("currency"), max_length=3)
    budget = models.BigIntegerField(_("budget"), null=True, blank=True, validators=[MinValueValidator(1)])
    other_budgets = models.JSONField(
        _("budgets in other currencies"), default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    max_per_order = models.JSONField(
        _("maximum discount per order"), default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    max_per_customer = models.JSONField(
        _("maximum discount per customer"), default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    limit_per_day = models.PositiveIntegerField(
        _("daily usage limit"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_per_week = models.PositiveIntegerField(
        _("weekly usage limit"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_per_month = models.PositiveIntegerField(
        _("monthly usage limit"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_units = models.PositiveIntegerField(
        _("limit of units"), null=True, blank=True, validators=[MinValueValidator(1)]
    )

    class Meta:
        abstract = True

    @property
    def budgets(self) -> dict[str, int]:
        """The budgets in minor units by currency."""
        return list_budgets(vars(self))

    @property
    def caps(self) -> dict[str, int]:
        """The caps of the budgets and limits by scope."""
        return list_caps(vars(self))

    @property
    def own_caps(self) -> Mapping[str, int]:
        """The caps of limits that the kind counts by its own rows, by scope."""
        return {}

    @property
    def customer_caps(self) -> Mapping[str, int]:
        """The caps per customer, by scope, that the kind itself upholds (``LimitedOffer.customer_caps``)."""
        return {}

    @property
    def limits(self) -> LimitedOffer:
        """The budgets and limits as a value."""
        row = {**vars(self), "key": self.offer_key, "timezone": self.brand.timezone}  # type: ignore[attr-defined]
        return read_limits(self.offer_kind, row, owner="key", customer_caps=self.customer_caps)


class OfferTotalLimit(OfferLimits):
    """Base of an offer whose total limit its uses count, by one of four strategies."""

    limit_total = models.PositiveIntegerField(
        _("total usage limit"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_strategy = models.CharField(
        _("counting method"),
        max_length=11,
        choices=Strategy.choices,
        default=Strategy.SHARDED,
        db_default=Strategy.SHARDED,
    )

    class Meta:
        abstract = True


class OfferUse(models.Model):
    """A use of an offer of any kind by a redemption, with what it took of the offer's budgets and limits.

    Promotions have a use for each redemption, other kinds for those of offers with a budget or a limit that the kind
    doesn't count itself, and of customers with further identities. ``redemption_id`` is that of the order, or that of a
    coupon or a code without an order.

    ``amount`` is in minor units of ``currency``, the cart's; None for a redemption of an earlier release, in the
    offer's currency. ``reserved_until`` is set while the redemption is reserved and empty once it is confirmed.
    ``counters`` lists what was taken of the limits, each as ``[scope, slot, shard, amount]``, so that the same is
    released. Refunds of lines return parts of the amount: ``returned_amount``, which the counter of the budget doesn't
    contain any more. ``is_lapsed`` is set when another redemption took what an expired reservation held.

    ``identities`` are the slots of the customer's further identities, which limits per customer count, too.
    ``grant_key`` is that of the grant by which another brand's server gave the offer, which counts the discount, too.
    """

    kind = models.CharField(max_length=20, default="promotion", db_default="promotion")
    offer_id = models.UUIDField(db_column="promotion_id")
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
    is_lapsed = models.BooleanField(default=False, db_default=False)
    identities = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    grant_key = models.UUIDField(null=True)

    class Meta:
        db_table = "promotions_promotionuse"
        constraints = [
            models.UniqueConstraint("offer_id", "redemption_id", name="promotions_use_once_per_redemption"),
            models.UniqueConstraint("offer_id", "code", name="promotions_code_used_once", condition=~models.Q(code="")),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["offer_id", "reserved_until"],
                name="promotions_use_held",
                condition=models.Q(reserved_until__isnull=False),
            ),
            models.Index(
                fields=["grant_key"], name="redemptions_use_grant", condition=models.Q(grant_key__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.offer_id} in redemption {self.redemption_id}"

    @property
    def key(self) -> tuple[uuid.UUID, uuid.UUID]:
        """The offer and the redemption."""
        return self.offer_id, self.redemption_id
