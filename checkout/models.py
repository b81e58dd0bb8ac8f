"""Redemptions: what was taken for an order, and what became of it."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from accounts.models import Brand, Customer
from core.ids import uuid7


class Status(models.TextChoices):
    """The life of a redemption: reserved → confirmed | cancelled | expired; confirmed → refunded."""

    RESERVED = "reserved"
    CONFIRMED = "confirmed"
    CANCELED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"


LIVE = [Status.RESERVED, Status.CONFIRMED]


class Redemption(models.Model):
    """The offers of one order, taken together. Amounts are minor units of ``currency``."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(
        Brand,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="redemptions",
        help_text="Whose server asked, if one did",
    )
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="redemptions")
    order = models.CharField(max_length=100, help_text="The merchant's order reference")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RESERVED)
    fingerprint = models.BinaryField(help_text="SHA-256 of the request")
    currency = models.CharField(max_length=3)
    subtotal = models.BigIntegerField()
    discount_total = models.BigIntegerField()
    total = models.BigIntegerField()
    cart = models.JSONField()
    quote = models.JSONField(help_text="The answer as it was given")
    record = models.JSONField(
        default=dict, help_text="What the engine was told, so that the decision can be made again"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
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
                condition=models.Q(status__in=LIVE, brand__isnull=True),
            ),
            models.CheckConstraint(condition=models.Q(status__in=Status.values), name="checkout_redemption_status"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"], name="checkout_reserved_until", condition=models.Q(status=Status.RESERVED)
            ),
            models.Index(fields=["brand", "-id"], name="checkout_of_brand"),
            models.Index(fields=["brand", "order"], name="checkout_brand_order"),
            models.Index(fields=["customer", "-id"], name="checkout_of_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.order} ({self.status})"


class RedemptionItem(models.Model):
    """One offer that a redemption took."""

    redemption = models.ForeignKey(Redemption, models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=64, help_text="The kind's own key of what was taken")
    code = models.CharField(max_length=64, blank=True, default="")
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    amount = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint("redemption", "position", name="checkout_item_position")]
        indexes: ClassVar = [models.Index(fields=["brand", "-id"], name="checkout_item_of_brand")]

    def __str__(self) -> str:
        return f"{self.title}: {self.amount}"


class RefundedLine(models.Model):
    """A line of a confirmed redemption whose discount was given up, once."""

    redemption = models.ForeignKey(Redemption, models.CASCADE, related_name="refunded_lines")
    line = models.CharField(max_length=64, help_text="The line's id in the cart")
    discount = models.BigIntegerField(help_text="The discount's share of the line")
    refunded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("redemption", "line", name="checkout_line_refunded_once")]

    def __str__(self) -> str:
        return self.line


class DirtyPurchaseTotal(models.Model):
    """A note that a customer's confirmed orders with a brand changed since they were summed up; written by triggers.

    As many notes as changes: nobody who buys waits for another over a note.
    """

    brand_id = models.UUIDField()
    customer_id = models.BigIntegerField()

    class Meta:
        db_table = "checkout_purchasenote"

    def __str__(self) -> str:
        return f"{self.customer_id} at {self.brand_id}"


class PurchaseTotal(models.Model):
    """A customer's confirmed orders with a brand, summed up (``checkout.contracts.Purchases``).

    ``due_at`` is when the computed audiences have to look at it next: at once after a change, else at the next instant
    at which time alone moves the customer in or out; empty when it never will.
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
    """The life of a backtest: waiting → running → done; cancelled from either of the first two."""

    PENDING = "waiting"
    RUNNING = "running"
    COMPLETED = "done"
    CANCELED = "cancelled"


UNFINISHED = [BacktestState.PENDING, BacktestState.RUNNING]


class Backtest(models.Model):
    """A promotion replayed on the carts that a brand's shoppers paid in a period, as it was when this was asked.

    ``cursor`` is the last redemption that was replayed. ``results`` holds sums in minor units (see
    ``checkout.services.replay``).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="backtests")
    promotion = models.ForeignKey("promotions.Promotion", models.CASCADE, related_name="+")
    title = models.CharField(max_length=100)
    offer = models.JSONField(help_text="In the offer language")
    currency = models.CharField(max_length=3)
    budget = models.BigIntegerField(null=True)
    limit_total = models.PositiveIntegerField(null=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    state = models.CharField(max_length=10, choices=BacktestState.choices, default=BacktestState.PENDING)
    carts_seen = models.PositiveIntegerField(default=0, db_column="seen")
    affected = models.PositiveIntegerField(default=0, db_column="touched")
    cursor = models.UUIDField(null=True)
    results = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
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
        return f"Backtest of {self.title}"
