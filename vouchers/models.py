"""Campaigns, their counters, who signed in first, and the vouchers that they got."""

from typing import ClassVar

import pghistory
import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models import Brand, Customer
from core.ids import uuid7
from vouchers.contracts import EVENT_ID_LENGTH

MAX_VALID_DAYS = 3650
MAX_QUOTA = 100_000_000


def default_offer() -> dict[str, object]:
    """The offer of a campaign that names none."""
    return {"benefits": [{"kind": "percent", "value": "30", "on": "order"}]}


class CampaignState(models.TextChoices):
    """Whether a campaign gives vouchers between its dates."""

    OPEN = "open"
    CLOSED = "closed"


class VoucherState(models.TextChoices):
    """The life of a voucher: available → reserved → used; or expired, or revoked by the brand."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@pghistory.track()
class Campaign(models.Model):
    """A brand gives a voucher to the first so many who sign in between two instants.

    What its vouchers are worth never changes once it is made, so a winner has what was promised. ``discount`` is
    derived from the offer: its percentage, where it is one.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="voucher_campaigns")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=64, db_index=False)
    description = models.CharField(max_length=200, blank=True, default="", help_text="What shoppers read on a voucher")
    start_date = models.DateTimeField(db_column="starts_at")
    end_date = models.DateTimeField(db_column="ends_at")
    offer = models.JSONField(default=default_offer, help_text="In the offer language")
    discount = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True, editable=False)
    voucher_type = models.CharField(
        max_length=50, default="topup", help_text="The type of transaction that its vouchers are for"
    )
    voucher_valid_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(MAX_VALID_DAYS)]
    )
    reassign_unused = models.BooleanField(
        default=False,
        help_text="A voucher that is revoked, or expires unused, goes to the next in line",
        db_column="pass_on",
    )
    status = models.CharField(
        max_length=6, choices=CampaignState.choices, default=CampaignState.OPEN, db_column="state"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.UniqueConstraint("slug", name="vouchers_campaign_slug"),
            models.CheckConstraint(
                condition=models.Q(end_date__gt=models.F("start_date")), name="vouchers_campaign_dates"
            ),
            models.CheckConstraint(
                condition=models.Q(voucher_valid_days__gte=1, voucher_valid_days__lte=MAX_VALID_DAYS),
                name="vouchers_campaign_valid_days",
            ),
            models.CheckConstraint(condition=models.Q(status__in=CampaignState.values), name="vouchers_campaign_state"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["brand", "-id"], name="vouchers_of_brand"),
            models.Index(fields=["end_date"], name="vouchers_open", condition=models.Q(status="open")),
        ]
        triggers: ClassVar = [
            pgtrigger.ReadOnly(
                name="terms_stay",
                fields=["brand", "slug", "offer", "discount", "voucher_type", "voucher_valid_days"],
            )
        ]

    def __str__(self) -> str:
        return self.name


class CampaignCounter(models.Model):
    """How many vouchers a campaign has given, of how many. One row, alone in its page (see the migration)."""

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
    """A customer signed in to a campaign for the first time: the table's key. ``arrived`` is the order of all.

    ``event`` is the identity provider's id of the login, where the login was told by it.
    Half of a burst's rows come within seconds, so nothing but its own key stands between a row and its commit.
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
    """What one of the first got: good for one redemption until ``expires_at``.

    ``quota`` is the campaign's when it was given: "the 17th of 100". ``reserved_until`` is set while a checkout holds
    it. ``passed_on_to`` is the voucher that took the rank over from this one, once it was revoked or had expired.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    campaign = models.ForeignKey(
        Campaign, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="vouchers"
    )
    customer = models.ForeignKey(Customer, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    rank = models.PositiveIntegerField()
    quota = models.PositiveIntegerField()
    status = models.CharField(
        max_length=9, choices=VoucherState.choices, default=VoucherState.AVAILABLE, db_column="state"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    redemption_id = models.UUIDField(null=True)
    reserved_until = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    reassigned_to = models.UUIDField(null=True, db_column="passed_on_to")

    class Meta:
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
                    state__in=["available", "expired", "revoked"],
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
