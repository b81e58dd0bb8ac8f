"""Promotions, the codes that open them, their limits, and how a brand wants its prices worked out."""

from typing import ClassVar

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models import Brand, Customer
from core.ids import uuid7
from pricing.profile import OPTIONS

CODE = RegexValidator(r"^[A-Z0-9_-]{3,64}\Z", "3 to 64 of A-Z, 0-9, _ and -.")


class Status(models.TextChoices):
    """The life of a promotion; the dates say when, within scheduled and active, it is live."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    ACTIVE_WITHOUT_AUDIENCE = "active_without_audience", "active, without audience"
    ENDED = "ended"
    DEACTIVATED = "deactivated"


LIVE = [Status.SCHEDULED, Status.ACTIVE]


class Trigger(models.TextChoices):
    """How a promotion comes into play: by itself, or by a code that the shopper types."""

    AUTOMATIC = "automatic"
    CODE = "code"


@pghistory.track(exclude=["match_keys", "min_subtotal"])
class Promotion(models.Model):
    """An offer of a brand between two instants. ``budget`` is in minor units of ``currency``.

    ``gates`` and ``min_subtotal`` are derived from the offer: what a cart must hold for the offer to have a chance
    (see ``promotions.eligibility.match_keys``), so that a look-up costs by what could apply, not by what exists.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="promotions")
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, default="", max_length=2000)
    start_date = models.DateTimeField()
    end_date = models.DateTimeField()
    target_audience = models.CharField(max_length=100, blank=True, default="")
    trigger = models.CharField(max_length=10, choices=Trigger.choices, default=Trigger.AUTOMATIC)
    offer = models.JSONField(help_text="In the offer language")
    priority = models.SmallIntegerField(default=0)
    status = models.CharField(max_length=24, choices=Status.choices, default=Status.DRAFT)
    currency = models.CharField(max_length=3)
    budget = models.BigIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    limit_total = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    limit_per_user = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    limit_per_day = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    limit_per_week = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    limit_per_month = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    match_keys = ArrayField(models.CharField(max_length=300), default=list, editable=False, db_column="gates")
    min_subtotal = models.DecimalField(max_digits=20, decimal_places=4, null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
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
    """Many codes of one promotion, made in the background from a pattern. ``made`` is how far the making has come.

    A batch without a pattern was imported: its ``count`` grows with it. A batch of another kind has no promotion: the
    kind knows what its codes open.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, default="promotion", editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", editable=False)
    promotion = models.ForeignKey(Promotion, models.CASCADE, null=True, related_name="batches")
    pattern = models.CharField(max_length=64, blank=True, help_text="# stands for one character of the charset")
    charset = models.CharField(max_length=64, blank=True)
    count = models.PositiveIntegerField(help_text="How many codes there shall be")
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
        return f"{self.count} of {self.pattern or 'another system'}"

    @property
    def is_generated(self) -> bool:
        """Whether all of its codes are there."""
        return self.generated_count == self.count

    @property
    def required_promotion(self) -> Promotion:
        """The promotion that its codes open. Raises ValueError for a batch of another kind."""
        if self.promotion is None:
            raise ValueError(f"batch {self.pk} is of the kind {self.kind}")
        return self.promotion


class Code(models.Model):
    """One typed string and the one thing it means.

    The string is the key, so a look-up is one probe whatever the kind.
    """

    text = models.CharField(max_length=64, primary_key=True, validators=[CODE], db_collation="C")
    digest = models.BinaryField(
        unique=True, editable=False, help_text="SHA-256 of the text: the code's name in addresses and logs"
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
        help_text="What it opens",
    )
    batch = models.ForeignKey(CodeBatch, models.CASCADE, null=True, blank=True, related_name="codes", db_index=False)
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, help_text="Whose alone it is"
    )
    single_use = models.BooleanField(default=False, help_text="Good for one redemption in all")
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
    """Everyone of an audience gets a code of a batch, in the background; ``cursor`` is the last customer looked at."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    batch = models.ForeignKey(CodeBatch, models.CASCADE, related_name="assignments")
    segment_type = models.CharField(max_length=100)
    notify = models.BooleanField(default=False)
    cursor = models.BigIntegerField(default=0, editable=False)
    assigned_count = models.PositiveIntegerField(default=0, editable=False, db_column="assigned")
    already_assigned_count = models.PositiveIntegerField(
        default=0, editable=False, help_text="Had a code of the batch before", db_column="already"
    )
    exhausted = models.BooleanField(default=False, editable=False, help_text="The codes did not suffice")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"{self.batch_id} to {self.segment_type}"


class PromotionRedemption(models.Model):
    """A redemption took a promotion that counts its uses, or a code that is good once.

    ``held_until`` is set while the redemption is reserved and empty once it is final. ``counters`` names what was
    taken, as ``[kind, slot, shard, amount]`` each, so that giving back undoes exactly that.
    """

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="uses", db_index=False)
    redemption_id = models.UUIDField()
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    code = models.CharField(max_length=64, blank=True, default="", help_text="The single-use code that was taken")
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
        return f"{self.promotion_id} in {self.redemption_id}"


class PromotionCounter(models.Model):
    """What is left of one limit: ``taken`` of ``cap``, perhaps divided over shards that lend each other what is left.

    ``slot`` is the customer's key for a limit per user, the first day for a limit per day, week or month, else empty.
    A promotion without limits or budget has no row.
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


def _choice(name: str, default: str) -> "models.CharField[str, str]":
    values = [str(value) for value in OPTIONS[name]]
    return models.CharField(
        max_length=20, choices=[(value, value.replace("_", " ")) for value in values], default=default
    )


@pghistory.track()
class PricingProfile(models.Model):
    """How a brand wants its prices worked out; a brand without one has the defaults."""

    brand = models.OneToOneField(Brand, models.CASCADE, primary_key=True, related_name="pricing_profile")
    rounding = _choice("rounding", "half_up")
    round_on = _choice("round_on", "discount")
    remainder = _choice("remainder", "largest_fraction")
    percent_base = _choice("percent_base", "running")
    free_units = _choice("free_units", "cheapest")
    return_cancelled_uses = models.BooleanField(default=True, help_text="A refunded order gives its uses back")
    budget_overrun = _choice("budget_overrun", "all_or_nothing")

    def __str__(self) -> str:
        return f"Pricing of {self.brand_id}"
