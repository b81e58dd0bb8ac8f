"""Promotions: an offer between two dates, with its limits and budget."""

from typing import ClassVar

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from core.ids import uuid7
from redemptions.lifecycle import list_indexes, live_index, unique_external_id
from redemptions.statuses import OfferDecision, OfferStatus
from redemptions.uses.models import OfferTotalLimit

UNFINISHED = [OfferStatus.SCHEDULED, OfferStatus.ACTIVE, OfferStatus.PAUSED]


class Trigger(models.TextChoices):
    """The discount method of a promotion: automatic, or by a code."""

    AUTOMATIC = "automatic", _("Automatic")
    CODE = "code", _("Discount code")


@pghistory.track(
    exclude=["match_keys", "min_subtotal", "recorded_status", "reported_status", "decided_at", "updated_at"]
)
class Promotion(OfferTotalLimit):
    """An offer of a brand between two dates.

    ``recorded_status`` is the last status that was sent to the campaign engine. ``decided_at`` is the time of the last
    decision.

    ``match_keys`` and ``min_subtotal`` are derived from the offer (``promotions.eligibility``). They index promotions,
    so that the cost of a lookup depends on the promotions that could apply instead of on all of them.
    """

    offer_kind = "promotion"

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
    recorded_status = models.CharField(
        max_length=24, choices=OfferStatus.choices, default=OfferStatus.DRAFT, editable=False, db_column="status"
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    limit_per_user = models.PositiveIntegerField(
        _("usage limit per customer"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    match_keys = ArrayField(models.CharField(max_length=300), default=list, editable=False, db_column="gates")
    min_subtotal = models.DecimalField(max_digits=20, decimal_places=4, null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("promotion"), _("promotions")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            unique_external_id("promotions"),
            models.CheckConstraint(
                condition=models.Q(end_date__gt=models.F("start_date")), name="promotions_promotion_dates"
            ),
            models.CheckConstraint(
                condition=models.Q(recorded_status__in=OfferStatus.values), name="promotions_promotion_status"
            ),
            models.CheckConstraint(
                condition=models.Q(decision__in=OfferDecision.values), name="promotions_promotion_decision"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["brand", "-id"], name="promotions_of_brand"),
            live_index("promotions_live"),
            *list_indexes("promotions"),
            GinIndex(
                fields=["match_keys"],
                name="promotions_gates",
                condition=models.Q(trigger=Trigger.AUTOMATIC, decision=OfferDecision.PUBLISHED),
            ),
            models.Index(
                fields=["start_date"],
                name="promotions_to_start",
                condition=models.Q(recorded_status=OfferStatus.SCHEDULED),
            ),
            models.Index(
                fields=["end_date"],
                name="promotions_to_end",
                condition=models.Q(recorded_status__in=UNFINISHED),
            ),
        ]

    def __str__(self) -> str:
        return self.name
