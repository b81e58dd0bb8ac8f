"""Discount rules, discount codes and their redemptions."""

from typing import Any, ClassVar

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, Customer, User
from core.ids import uuid7
from discounts.contracts import CUSTOMER_CAPS, build_offer_document, summarize
from redemptions.lifecycle import list_indexes, live_index, unique_external_id
from redemptions.statuses import OfferDecision, RedemptionStatus
from redemptions.uses.models import OfferTotalLimit


@pghistory.track(exclude=["fingerprint"])
class DiscountRule(models.Model):
    """The terms of discount codes: a whole percentage, optionally under conditions, or any offer.

    A rule has either ``discount``, the percentage, with ``terms`` of the offer language beside it, or ``offer``, a
    whole document. Several codes can share a rule: the same terms of a brand are one rule (``fingerprint``).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="discount_rules", verbose_name=_("brand"))
    name = models.CharField(_("name"), max_length=100, blank=True, default="")
    discount = models.PositiveSmallIntegerField(
        _("discount"),
        null=True,
        validators=[MinValueValidator(1), MaxValueValidator(99)],
        help_text=_("Percentage from 1 to 99."),
    )
    audience = models.CharField(
        _("audience"),
        max_length=100,
        blank=True,
        default="",
        help_text=_("Audience that can redeem the codes. Leave blank for everyone."),
    )
    terms = models.JSONField(
        _("terms"),
        blank=True,
        default=dict,
        help_text=_("Conditions and benefit options in the offer language."),
    )
    offer = models.JSONField(_("offer"), null=True, blank=True, help_text=_("In the offer language."))
    fingerprint = models.CharField(max_length=64, editable=False, db_collation="C")
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("discount rule")
        verbose_name_plural = _("discount rules")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(discount__isnull=False, discount__gte=1, discount__lte=99, offer__isnull=True)
                | models.Q(discount__isnull=True, offer__isnull=False, terms={}),
                name="discounts_rule_percentage",
            ),
            models.UniqueConstraint("id", "brand", name="discounts_rule_brand"),
            models.UniqueConstraint("brand", "fingerprint", name="discounts_rule_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["brand", "-created_at"], name="discounts_rule_recent")]

    def __str__(self) -> str:
        return self.name or self.summary

    @property
    def summary(self) -> str:
        """The discount in short: the percentage (``10%``), or the description of the offer."""
        return summarize(self.discount, self.offer, currency=self.brand.currency)

    @property
    def document(self) -> dict[str, Any]:
        """The whole offer, in the offer language."""
        return build_offer_document(self.discount, self.terms, self.offer)


@pghistory.track(exclude=["offer_id", "reported_status", "updated_at"])
class DiscountCode(OfferTotalLimit):
    """A code of a brand that each customer can redeem once between its dates.

    ``offer_id`` is its ID among the offers of all kinds, which events, results and limits refer to. ``code`` repeats
    the text of its generic ``redemptions.codes.models.Code``. It can have single-use codes, too: a customer who
    redeems one of them has redeemed it. The API calls the end ``validity``.
    """

    offer_kind = "discount_code"
    offer_key_field = "offer_id"
    customer_caps = CUSTOMER_CAPS

    offer_id = models.UUIDField(_("offer ID"), default=uuid7, unique=True, editable=False)
    code = models.CharField(_("code"), max_length=64, db_collation="C", editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="discount_codes", verbose_name=_("brand"))
    rule = models.ForeignKey(DiscountRule, models.PROTECT, related_name="codes", verbose_name=_("rule"))
    start_date = models.DateTimeField(_("valid from"), db_default=Now())
    end_date = models.DateTimeField(_("valid until"), db_column="validity")
    notify = models.BooleanField(_("announced"), default=True, help_text=_("Announce to customers by email"))
    created_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("discount code")
        verbose_name_plural = _("discount codes")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            unique_external_id("discounts_code"),
            models.CheckConstraint(
                condition=models.Q(decision__in=OfferDecision.values), name="discounts_code_decision"
            ),
            models.CheckConstraint(
                condition=models.Q(end_date__gt=models.F("start_date")), name="discounts_code_dates"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["brand", "-id"], name="discounts_code_of_brand"),
            models.Index(fields=["brand", "code"], name="discounts_code_by_text"),
            live_index("discounts_code_live"),
            *list_indexes("discounts_code"),
            models.Index(
                fields=["start_date"],
                name="discounts_code_announced",
                condition=models.Q(decision="published", notify=True),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Usage(models.Model):
    """A redemption of a discount code. The primary key of the table is (code, customer): one per customer.

    The table is partitioned by code (see the migration) and grows by 100 million rows a year. ``reserved_until`` is
    set while a checkout reserves the redemption and null once it is confirmed. Amounts are in minor units of
    ``currency``.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    code = models.ForeignKey(
        DiscountCode,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="usages",
        verbose_name=_("code"),
    )
    customer = models.ForeignKey(
        Customer,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("customer"),
    )
    redeemed_at = models.DateTimeField(_("redeemed"), db_column="used_at")
    reserved_until = models.DateTimeField(_("reserved until"), null=True)
    redemption_id = models.UUIDField(_("order redemption"), null=True)
    currency = models.CharField(_("currency"), max_length=3, null=True)
    amount = models.BigIntegerField(_("subtotal"), null=True, help_text=_("Subtotal that the percentage applied to"))
    discount_amount = models.BigIntegerField(_("discount"), null=True)
    returned_amount = models.BigIntegerField(
        _("returned discount"), default=0, db_default=0, help_text=_("What refunds returned of the discount.")
    )

    class Meta:
        db_table = "discounts_usage"
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")

    def __str__(self) -> str:
        return f"{self.code_id} by {self.customer_id}"


@pghistory.track(
    pghistory.ManualEvent(RedemptionStatus.RETURNED.value),  # type: ignore[no-untyped-call]
    fields=["code", "customer"],
    model_name="UsageReturnEvent",
)
class UsageReturn(models.Model):
    """A returned redemption with its former values. Append-only. The audit log records returns by staff."""

    audit_brand_path: ClassVar = "code__brand"

    usage_id = models.UUIDField(_("redemption"), primary_key=True, editable=False)
    code = models.ForeignKey(DiscountCode, models.PROTECT, related_name="returns", verbose_name=_("code"))
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name=_("customer"))
    redeemed_at = models.DateTimeField(_("redeemed"), db_column="used_at")
    returned_at = models.DateTimeField(_("returned"))
    currency = models.CharField(_("currency"), max_length=3, null=True)
    amount = models.BigIntegerField(_("subtotal"), null=True)
    discount_amount = models.BigIntegerField(_("discount"), null=True)
    redemption_id = models.UUIDField(_("order redemption"), null=True)

    class Meta:
        verbose_name = _("returned redemption")
        verbose_name_plural = _("returned redemptions")

    def __str__(self) -> str:
        return _("%(code)s by %(customer)s") % {"code": self.code.code, "customer": self.customer.customer_id}
