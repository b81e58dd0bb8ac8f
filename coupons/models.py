"""Coupons, the storage of their limits, their redemptions, and the sums of their reports."""

from typing import ClassVar

import pghistory
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, Customer, User
from core.ids import uuid7
from coupons.contracts import list_customer_caps
from redemptions.lifecycle import list_indexes, live_index, unique_external_id
from redemptions.limits.models import Strategy
from redemptions.limits.rules import CUSTOMER, TOTALS
from redemptions.statuses import OfferDecision, RedemptionStatus
from redemptions.uses.models import OfferLimits

STATUSES = [status for status in RedemptionStatus if status != RedemptionStatus.PARTIALLY_RETURNED]  # of one redemption


@pghistory.track(exclude=["reported_status", "updated_at"])
class CouponDefinition(OfferLimits):
    """Offer of a brand for a period, with an optional total usage limit and usage limit per customer.

    ``code`` is the generic code that every customer enters. Single-use codes are in batches. A coupon
    with neither is redeemed by its ID.
    """

    offer_kind = "coupon"
    own_scopes = (*TOTALS.values(), CUSTOMER)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="coupons")
    title = models.CharField(_("title"), max_length=100)
    start_date = models.DateTimeField(_("start date"))
    end_date = models.DateTimeField(_("end date"))
    maximum_number_of_coupons = models.PositiveIntegerField(
        _("total usage limit"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Total. Leave blank for no limit."),
    )
    maximum_number_of_coupons_per_user = models.PositiveIntegerField(
        _("usage limit per customer"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Per customer. Leave blank for no limit."),
    )
    limit_strategy = models.CharField(
        _("counting method"), max_length=11, choices=Strategy.choices, default=Strategy.EXACT
    )
    offer = models.JSONField(_("offer"), help_text=_("In the offer language."))
    code = models.CharField(
        _("code"), max_length=64, db_collation="C", null=True, blank=True, help_text=_("Generic code")
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            unique_external_id("coupons"),
            models.CheckConstraint(
                condition=models.Q(end_date__gt=models.F("start_date")), name="coupons_definition_dates"
            ),
            models.CheckConstraint(
                condition=models.Q(decision__in=OfferDecision.values), name="coupons_definition_decision"
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
            live_index("coupons_live"),
            *list_indexes("coupons"),
            models.Index(fields=["brand", "code"], name="coupons_by_code", condition=models.Q(code__isnull=False)),
            models.Index(fields=["end_date"], name="coupons_by_end", condition=models.Q(decision="published")),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def own_caps(self) -> dict[str, int]:
        """The cap of the total limit, by scope."""
        total = self.maximum_number_of_coupons
        return {} if total is None else {TOTALS[self.limit_strategy]: total}

    @property
    def customer_caps(self) -> dict[str, int]:
        """The cap per customer, by scope."""
        return list_customer_caps(self.maximum_number_of_coupons_per_user)


class RedeemedCode(models.Model):
    """Single-use code of a coupon that an active redemption uses."""

    pk = models.CompositePrimaryKey("coupon_id", "code")
    coupon = models.ForeignKey(CouponDefinition, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    code = models.CharField(max_length=64, db_collation="C")
    redemption_id = models.UUIDField()

    class Meta:
        db_table = "coupons_spentcode"

    def __str__(self) -> str:
        return self.code


@pghistory.track(
    pghistory.ManualEvent(RedemptionStatus.RELEASED.value),  # type: ignore[no-untyped-call]
    pghistory.ManualEvent(RedemptionStatus.RETURNED.value),  # type: ignore[no-untyped-call]
    fields=["coupon", "customer", "code", "status"],
    model_name="CouponRedemptionEvent",
)
class CouponRedemption(models.Model):
    """Redemption of a coupon by a customer. The table is partitioned by the month of the ID (see the migration).

    ``unit`` is the part of the limit that it took: the shard of the counter or the number of the pool unit; empty
    without a limit. ``redemption_id`` is the checkout redemption that it is part of, if any, and ``amount`` its
    discount there, in minor units of ``currency``, of which refunds of lines returned ``returned_amount``.
    ``redeemed_at`` is the time of the confirmation, and ``ended_at`` the time of the release, expiry or return; each is
    empty before. ``changed_at`` is the time of the last status change. The audit log records releases and returns by
    staff, but no actions of shoppers.
    """

    audit_brand_path: ClassVar = "coupon__brand"

    id = models.UUIDField(primary_key=True, editable=False)
    coupon = models.ForeignKey(
        CouponDefinition, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="redemptions"
    )
    customer = models.ForeignKey(Customer, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    code = models.CharField(_("code"), max_length=64, blank=True, default="")
    status = models.CharField(_("status"), max_length=18, choices=[(status.value, status.label) for status in STATUSES])
    reserved_until = models.DateTimeField(_("reserved until"), null=True)
    redeemed_at = models.DateTimeField(_("redeemed at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    changed_at = models.DateTimeField()
    redemption_id = models.UUIDField(null=True)
    amount = models.BigIntegerField(null=True)
    returned_amount = models.BigIntegerField(default=0, db_default=0)
    currency = models.CharField(max_length=3, null=True)
    unit = models.IntegerField(null=True)

    class Meta:
        db_table = "coupons_couponredemption"
        verbose_name = _("coupon redemption")
        verbose_name_plural = _("coupon redemptions")

    def __str__(self) -> str:
        return self.code or str(self.pk)
