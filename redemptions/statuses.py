"""The statuses of offers and of their redemptions, the same for every kind."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class RedemptionStatus(models.TextChoices):
    """Statuses of a redemption.

    ``reserved`` → ``confirmed`` | ``released`` | ``expired``; ``confirmed`` → ``partially_returned`` → ``returned``.
    """

    RESERVED = "reserved", _("Reserved")
    CONFIRMED = "confirmed", _("Confirmed")
    RELEASED = "released", _("Released")
    EXPIRED = "expired", _("Expired")
    PARTIALLY_RETURNED = "partially_returned", _("Partially returned")
    RETURNED = "returned", _("Returned")


PAID = [RedemptionStatus.CONFIRMED, RedemptionStatus.PARTIALLY_RETURNED]
LIVE = [RedemptionStatus.RESERVED, *PAID]
UNPAID = [RedemptionStatus.RESERVED, RedemptionStatus.EXPIRED]


class OfferDecision(models.TextChoices):
    """What a brand decided about an offer. With the dates of the offer it gives the status."""

    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    PAUSED = "paused", _("Paused")
    ENDED = "ended", _("Ended")
    ARCHIVED = "archived", _("Archived")


class OfferStatus(models.TextChoices):
    """Statuses of an offer: ``draft`` → ``scheduled`` → ``active`` ⇄ ``paused`` → ``ended`` → ``archived``."""

    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    ACTIVE = "active", _("Active")
    PAUSED = "paused", _("Paused")
    ENDED = "ended", _("Ended")
    ARCHIVED = "archived", _("Archived")


UPCOMING_OR_ACTIVE = [OfferStatus.SCHEDULED, OfferStatus.ACTIVE]
