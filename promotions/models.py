"""Promotions with their codes, limits and redemptions, and the pricing profiles of brands."""

from typing import TYPE_CHECKING, ClassVar

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, Customer
from core.ids import uuid7
from pricing.profile import OPTIONS
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, CODE_REGEX

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

CODE = RegexValidator(CODE_REGEX, CODE_FORMAT_MESSAGE)


class Status(models.TextChoices):
    """The life cycle of a promotion. A scheduled or active promotion is live between its dates."""

    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    ACTIVE = "active", _("Active")
    ACTIVE_WITHOUT_AUDIENCE = "active_without_audience", _("Active, no audience")
    ENDED = "ended", _("Ended")
    DEACTIVATED = "deactivated", _("Ended")


LIVE = [Status.SCHEDULED, Status.ACTIVE]
ENDED_STATUSES = [Status.ENDED, Status.DEACTIVATED]


class Trigger(models.TextChoices):
    """The discount method of a promotion: automatic, or by a code."""

    AUTOMATIC = "automatic", _("Automatic")
    CODE = "code", _("Discount code")


@pghistory.track(exclude=["match_keys", "min_subtotal"])
class Promotion(models.Model):
    """An offer of a brand between two dates. ``budget`` is in minor units of ``currency``.

    ``match_keys`` and ``min_subtotal`` are derived from the offer (``promotions.eligibility``). They index promotions,
    so that the cost of a lookup depends on the promotions that could apply instead of on all of them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="promotions")
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, default="", max_length=2000)
    start_date = models.DateTimeField(_("start date"))
    end_date = models.DateTimeField(_("end date"))
    target_audience = models.CharField(_("target audience"), max_length=100, blank=True, default="")
    trigger = models.CharField(_("discount method"), max_length=10, choices=Trigger.choices, default=Trigger.AUTOMATIC)
    offer = models.JSONField(_("offer"), help_text=_("A document of the offer language."))
    priority = models.SmallIntegerField(_("priority"), default=0)
    status = models.CharField(_("status"), max_length=24, choices=Status.choices, default=Status.DRAFT)
    currency = models.CharField(_("currency"), max_length=3)
    budget = models.BigIntegerField(_("budget"), null=True, blank=True, validators=[MinValueValidator(1)])
    limit_total = models.PositiveIntegerField(
        _("total usage limit"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_per_user = models.PositiveIntegerField(
        _("usage limit per customer"), null=True, blank=True, validators=[MinValueValidator(1)]
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
    match_keys = ArrayField(models.CharField(max_length=300), default=list, editable=False, db_column="gates")
    min_subtotal = models.DecimalField(max_digits=20, decimal_places=4, null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("promotion"), _("promotions")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end_date__gt=models.F("start_date")), name="promotions_promotion_dates"
            ),
            models.CheckConstraint(condition=models.Q(status__in=Status.values), name="promotions_promotion_status"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["brand", "-id"], name="promotions_of_brand"),
            GinIndex(
                fields=["match_keys"],
                name="promotions_gates",
                condition=models.Q(trigger=Trigger.AUTOMATIC, status__in=LIVE),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CodeBatch(models.Model):
    """Single-use codes of one promotion, generated in the background from a pattern, or imported.

    ``generated_count`` of ``count`` codes exist. An imported batch has no pattern, and its ``count`` grows with each
    import. A batch of another kind has no promotion; the kind knows what its codes belong to.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, default="promotion", editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", editable=False)
    promotion = models.ForeignKey(Promotion, models.CASCADE, null=True, related_name="batches")
    pattern = models.CharField(max_length=64, blank=True, help_text=_("Each # becomes a random character."))
    charset = models.CharField(max_length=64, blank=True)
    count = models.PositiveIntegerField(_("number of codes"), help_text=_("Number of codes to generate."))
    generated_count = models.PositiveIntegerField(default=0, editable=False, db_column="made")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(generated_count__lte=models.F("count")), name="promotions_batch_made"
            ),
            models.CheckConstraint(
                condition=models.Q(promotion__isnull=False) | ~models.Q(kind="promotion"),
                name="promotions_batch_promotion",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.pattern or 'imported codes'}"

    @property
    def is_generated(self) -> bool:
        """Whether all codes of the batch exist."""
        return self.generated_count == self.count

    @property
    def required_promotion(self) -> Promotion:
        """The promotion of the codes. Raises ValueError for a batch of another kind."""
        if self.promotion is None:
            raise ValueError(f"batch {self.pk} is of kind {self.kind} and has no promotion")
        return self.promotion


class Code(models.Model):
    """A code that shoppers enter, and the object it belongs to.

    The text is the primary key, so a lookup is one index probe for every kind.
    """

    text = models.CharField(max_length=64, primary_key=True, validators=[CODE], db_collation="C")
    digest = models.BinaryField(
        unique=True, editable=False, help_text=_("SHA-256 of the code, which replaces it in URLs and logs.")
    )
    kind = models.CharField(max_length=20)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False)
    promotion = models.ForeignKey(
        Promotion,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="codes",
        db_index=False,
        help_text=_("Promotion that the code is redeemed for."),
    )
    batch = models.ForeignKey(CodeBatch, models.CASCADE, null=True, blank=True, related_name="codes", db_index=False)
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("assigned customer"),
        help_text=_("Only this customer can redeem the code."),
    )  # fmt: skip
    single_use = models.BooleanField(_("single-use"), default=False, help_text=_("The code can be redeemed once."))
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["promotion", "text"], name="promotions_codes_of", condition=models.Q(promotion__isnull=False)
            ),
            models.Index(
                fields=["batch", "text"], name="promotions_codes_of_batch", condition=models.Q(batch__isnull=False)
            ),
            models.Index(
                fields=["batch", "text"],
                name="promotions_codes_free",
                condition=models.Q(batch__isnull=False, customer__isnull=True),
            ),
            models.Index(
                fields=["customer"], name="promotions_codes_assigned", condition=models.Q(customer__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(promotion__isnull=False) | ~models.Q(kind="promotion"),
                name="promotions_code_promotion",
            ),
            models.CheckConstraint(condition=models.Q(text__regex=r"^[A-Z0-9_-]{3,64}$"), name="promotions_code_text"),
            models.UniqueConstraint(
                "batch",
                "customer",
                name="promotions_one_code_per_customer_of_batch",
                condition=models.Q(batch__isnull=False, customer__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class CodeAssignment(models.Model):
    """The assignment of a batch's codes to the customers of an audience, one code each, in the background.

    ``cursor`` is the key of the last customer that was processed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    batch = models.ForeignKey(CodeBatch, models.CASCADE, related_name="assignments")
    segment_type = models.CharField(max_length=100)
    notify = models.BooleanField(default=False)
    cursor = models.BigIntegerField(default=0, editable=False)
    assigned_count = models.PositiveIntegerField(default=0, editable=False, db_column="assigned")
    already_assigned_count = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("Customers who already had a code."), db_column="already"
    )
    exhausted = models.BooleanField(_("not enough codes"), default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"Batch {self.batch_id} to {self.segment_type}"


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


OPTION_LABELS = {
    "half_up": _("Half up"), "half_down": _("Half down"), "half_even": _("Half to even"), "down": _("Down"),
    "discount": _("Discount"), "price": _("Price"), "unit": _("Unit discount"), "line": _("Line discount"),
    "order_discount": _("Order discount"),
    "largest_fraction": _("Lines with the largest fraction"), "first": _("First lines"), "last": _("Last lines"),
    "running": _("Price after earlier discounts"), "initial": _("Original price"),
    "cheapest": _("Cheapest units"), "dearest": _("Most expensive units"),
    "all_or_nothing": _("Reject the offer"), "partial": _("Give the rest of the budget"),
}  # fmt: skip


def _choice(name: str, label: "StrPromise", default: str) -> "models.CharField[str, str]":
    values = [str(value) for value in OPTIONS[name]]
    return models.CharField(
        label, max_length=20, choices=[(value, OPTION_LABELS[value]) for value in values], default=default
    )


@pghistory.track()
class PricingProfile(models.Model):
    """The pricing settings of a brand. A brand without a profile has the defaults."""

    brand = models.OneToOneField(Brand, models.CASCADE, primary_key=True, related_name="pricing_profile")
    rounding = _choice("rounding", _("rounding"), "half_up")
    round_on = _choice("round_on", _("rounded amount"), "discount")
    remainder = _choice("remainder", _("allocation of remainders"), "largest_fraction")
    percent_base = _choice("percent_base", _("percentage base"), "running")
    free_units = _choice("free_units", _("free units"), "cheapest")
    return_cancelled_uses = models.BooleanField(
        _("restore usage on refund"), default=True, help_text=_("Restore usage when an order is refunded.")
    )
    budget_overrun = _choice("budget_overrun", _("budget overrun"), "all_or_nothing")

    class Meta:
        verbose_name, verbose_name_plural = _("pricing settings"), _("pricing settings")

    def __str__(self) -> str:
        return f"Pricing settings of brand {self.brand_id}"
