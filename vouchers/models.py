"""Campaigns, their counters, first logins and vouchers."""

from typing import ClassVar

import pghistory
import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, Customer
from core.ids import uuid7
from redemptions.lifecycle import list_indexes, live_index, unique_external_id
from redemptions.statuses import OfferDecision
from redemptions.uses.models import OfferLimits
from vouchers.contracts import CUSTOMER_CAPS, EVENT_ID_LENGTH

MAX_VALID_DAYS = 3650
MAX_QUOTA = 100_000_000


def default_offer() -> dict[str, object]:
    """Return the offer of a campaign that is created without one."""
    return {"benefits": [{"kind": "percent", "value": "30", "on": "order"}]}


class VoucherStatus(models.TextChoices):
    """Status of a voucher: available → reserved → used; or expired, or revoked by the brand."""

    AVAILABLE = "available", _("Available")
    RESERVED = "reserved", _("Reserved")
    USED = "used", _("Used")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


@pghistory.track(exclude=["reported_status", "updated_at"])
class Campaign(OfferLimits):
    """A brand's campaign that issues vouchers to the first customers who sign in between two dates.

    The terms of the vouchers never change after the campaign is published. ``discount`` is the percentage of the offer,
    if the offer is one.
    """

    offer_kind = "voucher"
    customer_caps = CUSTOMER_CAPS

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="voucher_campaigns")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=64, db_index=False)
    description = models.CharField(max_length=200, blank=True, default="", help_text=_("Shown on the voucher."))
    start_date = models.DateTimeField(db_column="starts_at")
    end_date = models.DateTimeField(db_column="ends_at")
    offer = models.JSONField(default=default_offer, help_text=_("Offer of the vouchers, in the offer language."))
    discount = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True, editable=False)
    voucher_type = models.CharField(
        max_length=50, default="topup", help_text=_("Transaction type that the vouchers are valid for.")
    )
    voucher_valid_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(MAX_VALID_DAYS)]
    )
    reassign_unused = models.BooleanField(
        default=False,
        help_text=_("Reassign revoked and expired vouchers to the waiting list."),
        db_column="pass_on",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("campaign"), _("campaigns")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.UniqueConstraint("slug", name="vouchers_campaign_slug"),
            unique_external_id("vouchers"),
            models.CheckConstraint(
                condition=models.Q(end_date__gt=models.F("start_date")), name="vouchers_campaign_dates"
            ),
            models.CheckConstraint(
                condition=models.Q(voucher_valid_days__gte=1, voucher_valid_days__lte=MAX_VALID_DAYS),
                name="vouchers_campaign_valid_days",
            ),
            models.CheckConstraint(
                condition=models.Q(decision__in=OfferDecision.values), name="vouchers_campaign_decision"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["brand", "-id"], name="vouchers_of_brand"),
            live_index("vouchers_live"),
            *list_indexes("vouchers"),
            models.Index(fields=["end_date"], name="vouchers_open", condition=models.Q(decision="published")),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="terms_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.decision <> 'draft' AND (OLD.brand_id, OLD.slug, OLD.offer, OLD.discount, OLD.voucher_type,"
                    " OLD.voucher_valid_days) IS DISTINCT FROM (NEW.brand_id, NEW.slug, NEW.offer, NEW.discount,"
                    " NEW.voucher_type, NEW.voucher_valid_days)"
                ),
            )
        ]

    def __str__(self) -> str:
        return self.name


class CampaignCounter(models.Model):
    """The number of issued vouchers of a campaign, and its quota. Each row fills a page (see the migration)."""

    campaign = models.OneToOneField(Campaign, models.CASCADE, primary_key=True, related_name="counter")
    quota = models.PositiveIntegerField()
    issued = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(issued__gte=0, issued__lte=models.F("quota"), quota__gte=1),
                name="vouchers_counter_within_quota",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issued} of {self.quota}"


class FirstLogin(models.Model):
    """The first login of a customer in a campaign, unique by primary key.

    ``sequence`` is the order of all first logins. ``event`` is the identity provider's ID of the login, if the login
    was reported by an event. Half of the rows of a campaign are inserted within seconds, so the table has few indexes
    and no foreign keys.
    """

    pk = models.CompositePrimaryKey("campaign_id", "customer_id")
    campaign = models.ForeignKey(
        Campaign, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="first_logins"
    )
    customer = models.ForeignKey(Customer, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    at = models.DateTimeField()
    sequence = models.BigIntegerField(db_column="arrived")
    event = models.CharField(max_length=EVENT_ID_LENGTH, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign", "sequence", name="vouchers_arrived_once"),
            models.UniqueConstraint(
                "campaign", "event", name="vouchers_event_once", condition=models.Q(event__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.campaign_id}"


class Voucher(models.Model):
    """A voucher of a campaign, valid for one redemption until ``expires_at``.

    ``quota`` is that of the campaign when the voucher was issued: "the 17th of 100". ``reserved_until`` is set while an
    order reserves the voucher. ``reassigned_to`` is the voucher that replaced this one, with its rank, after it was
    revoked or had expired.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    campaign = models.ForeignKey(
        Campaign, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="vouchers"
    )
    customer = models.ForeignKey(Customer, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    rank = models.PositiveIntegerField()
    quota = models.PositiveIntegerField()
    status = models.CharField(
        max_length=9, choices=VoucherStatus.choices, default=VoucherStatus.AVAILABLE, db_column="state"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    redemption_id = models.UUIDField(null=True)
    reserved_until = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    reassigned_to = models.UUIDField(null=True, db_column="passed_on_to")

    class Meta:
        verbose_name, verbose_name_plural = _("voucher"), _("vouchers")
        constraints = [
            models.UniqueConstraint(
                "campaign", "rank", name="vouchers_rank_once", condition=models.Q(reassigned_to__isnull=True)
            ),
            models.UniqueConstraint("reassigned_to", name="vouchers_passed_on_once"),
            models.CheckConstraint(
                condition=models.Q(reassigned_to__isnull=True) | models.Q(status__in=["expired", "revoked"]),
                name="vouchers_passed_on_is_over",
            ),
            models.CheckConstraint(
                condition=models.Q(status="revoked", revoked_at__isnull=False)
                | (~models.Q(status="revoked") & models.Q(revoked_at__isnull=True)),
                name="vouchers_revoked_at",
            ),
            models.UniqueConstraint("campaign", "customer", name="vouchers_one_per_customer"),
            models.CheckConstraint(
                condition=models.Q(rank__gte=1, rank__lte=models.F("quota")), name="vouchers_rank_within_quota"
            ),
            models.CheckConstraint(
                condition=models.Q(status="reserved", reserved_until__isnull=False, redemption_id__isnull=False)
                | models.Q(status="used", reserved_until__isnull=True, redemption_id__isnull=False)
                | models.Q(
                    status__in=["available", "expired", "revoked"],
                    reserved_until__isnull=True,
                    redemption_id__isnull=True,
                ),
                name="vouchers_voucher_hold",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer", "-id"], name="vouchers_of_customer"),
            models.Index(fields=["expires_at"], name="vouchers_expiring", condition=models.Q(status="available")),
            models.Index(fields=["-campaign", "rank"], name="vouchers_by_rank"),
            models.Index(
                fields=["campaign"],
                name="vouchers_lost",
                condition=models.Q(status__in=["expired", "revoked"], reassigned_to__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rank} of {self.quota}"
