"""Coupons, what limits them, and who has redeemed them."""

from typing import ClassVar

import pghistory
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models import Brand, Customer, User
from core.ids import uuid7
from promotions.models import Code, CodeBatch


class Strategy(models.TextChoices):
    """How the limit of a coupon is kept while many take at once (``docs/algorithms/coupon-limits.md``)."""

    EXACT = "exact"
    SHARDED = "sharded"
    POOL = "pool"
    APPROXIMATE = "approximate"


class Status(models.TextChoices):
    """The life of a redemption: reserved first or confirmed at once; the last three have given their place back."""

    RESERVED = "reserved"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"
    REFUNDED = "refunded"


ACTIVE_STATUSES = [Status.RESERVED, Status.CONFIRMED]


@pghistory.track()
class CouponDefinition(models.Model):
    """An offer of a brand between two instants that may be redeemed so often in all, and so often by one shopper.

    ``code`` is the one string that everyone types; codes that are good once each come in batches (``CouponBatch``).
    A coupon with neither is redeemed by its id.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="coupons")
    title = models.CharField(max_length=100)
    start_date = models.DateTimeField()
    end_date = models.DateTimeField()
    maximum_number_of_coupons = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="In all; empty for no limit"
    )
    maximum_number_of_coupons_per_user = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="For one shopper; empty for no limit"
    )
    limit_strategy = models.CharField(max_length=11, choices=Strategy.choices, default=Strategy.EXACT)
    offer = models.JSONField(help_text="In the offer language")
    currency = models.CharField(max_length=3)
    code = models.OneToOneField(
        Code, models.PROTECT, null=True, blank=True, related_name="+", db_column="code", help_text="For everyone"
    )
    is_active = models.BooleanField("active", default=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "coupon"
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end_date__gt=models.F("start_date")), name="coupons_definition_dates"
            ),
            models.CheckConstraint(
                condition=models.Q(limit_strategy__in=Strategy.values), name="coupons_definition_strategy"
            ),
            models.CheckConstraint(
                condition=models.Q(maximum_number_of_coupons__isnull=True) | models.Q(maximum_number_of_coupons__gte=1),
                name="coupons_definition_maximum",
            ),
            models.CheckConstraint(
                condition=models.Q(maximum_number_of_coupons_per_user__isnull=True)
                | models.Q(maximum_number_of_coupons_per_user__gte=1),
                name="coupons_definition_maximum_per_user",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["brand", "-id"], name="coupons_of_brand"),
            models.Index(fields=["end_date"], name="coupons_by_end", condition=models.Q(is_active=True)),
        ]

    def __str__(self) -> str:
        return self.title


class CouponBatch(models.Model):
    """Codes of a coupon that are good once each."""

    batch = models.OneToOneField(CodeBatch, models.CASCADE, primary_key=True, related_name="+")
    coupon = models.ForeignKey(CouponDefinition, models.CASCADE, related_name="batches")

    def __str__(self) -> str:
        return f"{self.batch_id} of {self.coupon_id}"


class CouponCounter(models.Model):
    """``taken`` of ``cap``: one row for most strategies, sixteen that lend each other what is left for *sharded*.

    For *pool* it counts the units that were made, for *approximate* ``cap`` is the ceiling. A coupon without a maximum
    has no row.
    """

    pk = models.CompositePrimaryKey("coupon_id", "shard")
    coupon = models.ForeignKey(CouponDefinition, models.CASCADE, related_name="counters", db_index=False)
    shard = models.SmallIntegerField(default=0)
    cap = models.BigIntegerField()
    taken = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(taken__gte=0, taken__lte=models.F("cap")), name="coupons_counter_within_cap"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id} shard {self.shard}: {self.taken} of {self.cap}"


class UserCouponRedemption(models.Model):
    """How often a customer has redeemed a coupon, reservations included; exact whatever the strategy.

    ``cap`` is the coupon's maximum per user as it was at the customer's last taking, empty when there was none. There
    is a row also without a maximum, so that one that is set later counts what was before.
    """

    pk = models.CompositePrimaryKey("coupon_id", "customer_id")
    coupon = models.ForeignKey(CouponDefinition, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    redemption_count = models.PositiveIntegerField()
    cap = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cap__isnull=True) | models.Q(redemption_count__lte=models.F("cap")),
                name="coupons_user_within_cap",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id} by {self.customer_id}: {self.redemption_count}"


class CouponUnit(models.Model):
    """One of the units of a *pool*, made ahead; free while it has no redemption."""

    pk = models.CompositePrimaryKey("coupon_id", "number")
    coupon = models.ForeignKey(CouponDefinition, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    number = models.IntegerField(db_column="n")
    redemption_id = models.UUIDField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["coupon", "number"], name="coupons_unit_free", condition=models.Q(redemption_id__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id} unit {self.number}"


class RedeemedCode(models.Model):
    """A code that is good once, and the redemption that has it."""

    code = models.CharField(max_length=64, primary_key=True, db_collation="C")
    redemption_id = models.UUIDField()

    class Meta:
        db_table = "coupons_spentcode"

    def __str__(self) -> str:
        return self.code


@pghistory.track(
    pghistory.ManualEvent(Status.RELEASED.value),  # type: ignore[no-untyped-call]
    pghistory.ManualEvent(Status.REFUNDED.value),  # type: ignore[no-untyped-call]
    fields=["coupon", "customer", "code", "status"],
    model_name="CouponRedemptionEvent",
)
class CouponRedemption(models.Model):
    """A customer redeems a coupon. The table is partitioned by month of the id (see the migration).

    ``unit`` says what it took of the limit: the shard of a counter, or the number of a unit; empty when there was no
    maximum. ``redemption_id`` is the checkout's redemption, if it was made there; ``amount``, in minor units of
    ``currency``, is what it took off there. ``redeemed_at`` is empty until it is confirmed, ``ended_at`` until it gives
    its place back; ``changed_at`` moves with each change of status. The audit log keeps what the brand's people end;
    nothing is written there for what shoppers do.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    coupon = models.ForeignKey(
        CouponDefinition, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="redemptions"
    )
    customer = models.ForeignKey(Customer, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    code = models.CharField(max_length=64, blank=True, default="")
    status = models.CharField(max_length=9, choices=Status.choices)
    reserved_until = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()
    redemption_id = models.UUIDField(null=True)
    amount = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, null=True)
    unit = models.IntegerField(null=True)

    class Meta:
        db_table = "coupons_couponredemption"
        verbose_name = "redemption of a coupon"
        verbose_name_plural = "redemptions of coupons"

    def __str__(self) -> str:
        return self.code or str(self.pk)


class RedemptionBucket(models.Model):
    """What became of a coupon's redemptions of one quarter of an hour (UTC) and currency, summed up from their rows.

    ``redemptions`` were made, ``released`` places came back (refunds, and reservations that ended unused), ``refunded``
    are the refunds alone, ``discount_total`` is what those that stand took off, in minor units of ``currency``.
    ``archived`` sums stand for rows that were dropped since, and never change.
    """

    pk = models.CompositePrimaryKey("coupon_id", "starts_at", "currency", "archived")
    coupon = models.ForeignKey(CouponDefinition, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    starts_at = models.DateTimeField()
    currency = models.CharField(max_length=3, blank=True, default="")
    archived = models.BooleanField(default=False)
    redemptions = models.BigIntegerField()
    released = models.BigIntegerField()
    refunded = models.BigIntegerField()
    discount_total = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    redemptions__gte=0,
                    refunded__gte=0,
                    refunded__lte=models.F("redemptions"),
                    released__gte=models.F("refunded"),
                    discount_total__gte=0,
                ),
                name="coupons_bucket_sums",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id} from {self.starts_at}: {self.redemptions}"


class DirtyBucket(models.Model):
    """A note that redemptions of a bucket changed since it was summed up; written by triggers of their table.

    As many notes as changes: nobody who redeems waits for another over a note.
    """

    coupon_id = models.UUIDField()
    starts_at = models.DateTimeField()

    class Meta:
        db_table = "coupons_touchedbucket"

    def __str__(self) -> str:
        return f"{self.coupon_id} from {self.starts_at}"
