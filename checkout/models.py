"""Redemptions of orders, purchase totals of customers, and backtests."""

from typing import ClassVar

import pghistory
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, Customer
from checkout.contracts import Actor
from core.ids import uuid7
from core.metadata import EXTERNAL_ID_LENGTH
from redemptions.statuses import LIVE, RedemptionStatus

ACTOR_CHOICES = [
    (Actor.SERVER.value, _("Server")),
    (Actor.STAFF.value, _("Staff")),
    (Actor.SHOPPER.value, _("Shopper")),
]
SHIPPING = ""  # the line of a refund of the shipping


@pghistory.track(
    pghistory.ManualEvent(RedemptionStatus.CONFIRMED.value),  # type: ignore[no-untyped-call]
    pghistory.ManualEvent(RedemptionStatus.RELEASED.value),  # type: ignore[no-untyped-call]
    pghistory.ManualEvent(RedemptionStatus.EXPIRED.value),  # type: ignore[no-untyped-call]
    pghistory.ManualEvent(RedemptionStatus.RETURNED.value),  # type: ignore[no-untyped-call]
    fields=["brand", "customer", "order", "status"],
    model_name="RedemptionEvent",
)
class Redemption(models.Model):
    """The offers of one order, redeemed together. Amounts are in minor units of ``currency``.

    ``identities`` are the slots of the customer's further identities in limits, by the ID of the brand.
    ``former_customers`` are the keys of those whose order it was before they were merged into the customer.
    The audit log records what staff do with it in the admin, but nothing that servers and shoppers do.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(
        Brand,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="redemptions",
        verbose_name=_("brand"),
        help_text=_("The brand whose server sent the order. Blank for orders of shoppers and marketplaces."),
    )
    platform_key = models.UUIDField(
        null=True, help_text=_("ID of the API key with which the platform's checkout sent the order.")
    )
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="redemptions", verbose_name=_("customer"))
    order = models.CharField(_("order"), max_length=100, help_text=_("The order reference of the shop."))
    status = models.CharField(
        _("status"), max_length=18, choices=RedemptionStatus.choices, default=RedemptionStatus.RESERVED
    )
    fingerprint = models.BinaryField(help_text=_("SHA-256 of the request."))
    currency = models.CharField(max_length=3)
    subtotal = models.BigIntegerField()
    discount_total = models.BigIntegerField()
    total = models.BigIntegerField()
    returned_total = models.BigIntegerField(
        default=0, db_default=0, help_text=_("What was refunded of the total, in minor units.")
    )
    repricing = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text=_("Discounts of lines and shipping when a refund last priced the rest of the order again."),
    )
    identities = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    former_customers = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    cart = models.JSONField()
    quote = models.JSONField(help_text=_("The quote as answered."))
    record = models.JSONField(
        default=dict, help_text=_("The price record: the engine's input, to explain the price later.")
    )
    external_id = models.CharField(
        _("external ID"),
        max_length=EXTERNAL_ID_LENGTH,
        db_collation="C",
        blank=True,
        default="",
        db_default="",
        help_text=_("The sender's own ID, beside the order reference."),
    )
    metadata = models.JSONField(
        _("metadata"),
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text=_("The sender's own data."),
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.CharField(
        _("confirmed by"),
        max_length=7,
        choices=ACTOR_CHOICES,
        blank=True,
        default="",
        db_default="",
        help_text=_("Orders that shoppers confirmed don't count as orders of the customer."),
    )
    amended_at = models.DateTimeField(null=True, blank=True, help_text=_("When the cart was last replaced."))
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("redemption"), _("redemptions")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "brand",
                "order",
                name="checkout_one_live_per_brand_order",
                condition=models.Q(status__in=LIVE, brand__isnull=False),
            ),
            models.UniqueConstraint(
                "customer",
                "order",
                name="checkout_one_live_per_customer_order",
                condition=models.Q(status__in=LIVE, brand__isnull=True, platform_key__isnull=True),
            ),
            models.UniqueConstraint(
                "platform_key",
                "customer",
                "order",
                name="checkout_one_live_per_platform_order",
                condition=models.Q(status__in=LIVE, platform_key__isnull=False),
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=RedemptionStatus.values), name="checkout_redemption_status"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"],
                name="checkout_reserved_until",
                condition=models.Q(status=RedemptionStatus.RESERVED),
            ),
            models.Index(fields=["brand", "-id"], name="checkout_of_brand"),
            models.Index(fields=["brand", "order"], name="checkout_brand_order"),
            models.Index(fields=["customer", "-id"], name="checkout_of_customer"),
            models.Index(fields=["updated_at", "id"], name="checkout_updated"),
            models.Index(fields=["external_id"], name="checkout_external_id", condition=~models.Q(external_id="")),
            GinIndex(
                fields=["metadata"],
                name="checkout_metadata",
                opclasses=["jsonb_path_ops"],
                condition=~models.Q(metadata={}),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} ({self.status})"


class RedemptionItem(models.Model):
    """One offer that a redemption uses.

    ``line_units`` are the discounted units of lines, by the line's ID. ``returned_units`` are those that refunds
    returned, of lines and gifts.
    """

    redemption = models.ForeignKey(Redemption, models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=64, help_text=_("The backend's key of the offer."))
    code = models.CharField(max_length=64, blank=True, default="")
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    offer_id = models.UUIDField(null=True, help_text=_("The ID of the offer among the offers of all kinds."))
    title = models.CharField(max_length=200)
    amount = models.BigIntegerField()
    returned_amount = models.BigIntegerField(default=0, db_default=0, help_text=_("What refunds returned of it."))
    line_units = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    gift_units = models.PositiveIntegerField(default=0, db_default=0)
    returned_units = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint("redemption", "position", name="checkout_item_position"),
            models.CheckConstraint(
                condition=models.Q(returned_amount__gte=0, returned_amount__lte=models.F("amount")),
                name="checkout_item_returned_within_amount",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["brand", "-id"], name="checkout_item_of_brand"),
            models.Index(fields=["code"], name="checkout_item_of_code", condition=~models.Q(code="")),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.amount}"

    @property
    def units(self) -> int:
        """The units of goods that the offer was applied to, with gifts, before refunds."""
        return sum(map(int, self.line_units.values())) + self.gift_units


class RedemptionPart(models.Model):
    """The part of a redemption that concerns one brand: the one whose server sent it, or one whose offers it uses."""

    pk = models.CompositePrimaryKey("redemption_id", "brand_id")
    redemption = models.ForeignKey(Redemption, models.CASCADE, related_name="parts", db_index=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    subtotal = models.BigIntegerField(
        help_text=_("What counts for the brand of the order, with shipping and without discounts, in minor units.")
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["brand", "-redemption"], name="checkout_part_of_brand")]

    def __str__(self) -> str:
        return f"{self.brand_id}: {self.subtotal}"


class RefundedLine(models.Model):
    """What all refunds of a confirmed redemption returned of a line, or of the shipping. Amounts are in minor units.

    ``quantity`` and ``amount`` are within those of the line. Rows of a former release have neither: they returned the
    whole line.
    """

    redemption = models.ForeignKey(Redemption, models.CASCADE, related_name="refunded_lines")
    line = models.CharField(max_length=64, blank=True, help_text=_("Line's ID in the cart. Blank for the shipping."))
    quantity = models.PositiveIntegerField(null=True, help_text=_("Returned units."))
    amount = models.BigIntegerField(null=True, help_text=_("Returned part of the subtotal."))
    line_quantity = models.PositiveIntegerField(null=True, help_text=_("Units of the line."))
    line_amount = models.BigIntegerField(null=True, help_text=_("Subtotal of the line."))
    discount = models.BigIntegerField(help_text=_("The returned discount, in minor units."))
    refunded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("redemption", "line", name="checkout_line_refunded_once"),
            models.CheckConstraint(
                condition=models.Q(quantity__lte=models.F("line_quantity"), amount__lte=models.F("line_amount")),
                name="checkout_refund_within_line",
            ),
        ]

    def __str__(self) -> str:
        return self.line


class DirtyPurchaseTotal(models.Model):
    """A dirty marker: a customer's confirmed orders with a brand have changed since their total was calculated.

    Triggers insert one marker per change, so that concurrent orders never wait for each other.
    """

    brand_id = models.UUIDField()
    customer_id = models.BigIntegerField()

    class Meta:
        db_table = "checkout_purchasenote"

    def __str__(self) -> str:
        return f"{self.customer_id} at {self.brand_id}"


class PurchaseTotal(models.Model):
    """Totals of a customer's confirmed orders with a brand (``checkout.contracts.PurchaseTotals``).

    ``due_at`` is when the customer's automatic audiences must be evaluated next: at once after a change, else when they
    change without another order. It is None if they never do.
    """

    pk = models.CompositePrimaryKey("brand_id", "customer_id")
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", db_index=False)
    orders = models.IntegerField()
    largest = models.BigIntegerField(null=True)
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "checkout_purchasesum"
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="checkout_sums_due", condition=models.Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.orders} orders of {self.customer_id}"


class BacktestState(models.TextChoices):
    """States of a backtest: `waiting` → `running` → `done`; `cancelled` from either of the first two."""

    PENDING = "waiting", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETED = "done", _("Completed")
    CANCELED = "cancelled", _("Canceled")


UNFINISHED = [BacktestState.PENDING, BacktestState.RUNNING]


class Backtest(models.Model):
    """A promotion, as it was when the backtest was created, replayed on its brand's paid orders of a period.

    ``cursor`` is the ID of the last replayed redemption. ``results`` holds totals (see ``checkout.services.replay``).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="backtests", verbose_name=_("brand"))
    promotion = models.ForeignKey("promotions.Promotion", models.CASCADE, related_name="+")
    title = models.CharField(_("promotion"), max_length=100)
    offer = models.JSONField(help_text=_("In the offer language."))
    currency = models.CharField(max_length=3)
    budget = models.BigIntegerField(null=True)
    other_budgets = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    max_per_order = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    max_per_customer = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    limit_total = models.PositiveIntegerField(null=True)
    limit_units = models.PositiveIntegerField(null=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    state = models.CharField(_("status"), max_length=10, choices=BacktestState.choices, default=BacktestState.PENDING)
    carts_seen = models.PositiveIntegerField(_("orders analyzed"), default=0, db_column="seen")
    affected = models.PositiveIntegerField(_("orders affected"), default=0, db_column="touched")
    cursor = models.UUIDField(null=True)
    results = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("backtest"), _("backtests")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="checkout_backtest_period"),
            models.CheckConstraint(condition=models.Q(state__in=BacktestState.values), name="checkout_backtest_state"),
            models.UniqueConstraint(
                "brand", name="checkout_one_backtest_per_brand", condition=models.Q(state__in=UNFINISHED)
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["brand", "-id"], name="checkout_backtests_of_brand")]

    def __str__(self) -> str:
        return gettext("Backtest of %(promotion)s") % {"promotion": self.title}


class BacktestCustomer(models.Model):
    """What a running backtest has given a customer, in minor units, if its promotion has a maximum per customer."""

    pk = models.CompositePrimaryKey("backtest_id", "customer_id", "currency")
    backtest = models.ForeignKey(Backtest, models.CASCADE, related_name="customers", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    cost = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.cost} {self.currency}"
