"""The life cycle of offers, the same for every kind.

A row stores what the brand decided (``OfferDecision``). The status follows from the decision, the dates and the time,
so it is always the one that checkout acts on, and no task has to write it.
"""

import enum
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

from django.apps import apps
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from core.metadata import EXTERNAL_ID_LENGTH
from redemptions.errors import CodeExpired, CodeInactive, CodeNotStarted, InvalidStatus
from redemptions.statuses import OfferDecision, OfferStatus


class Action(enum.StrEnum):
    """Actions of a brand that change the decision about an offer."""

    ACTIVATE = "activate"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    ARCHIVE = "archive"


EXTERNAL_ID_CONSTRAINT = "_external_id_once"  # the end of its name, for every kind
LIVE_STATUSES = [OfferStatus.SCHEDULED, OfferStatus.ACTIVE, OfferStatus.PAUSED]  # that dates can change
DECISIONS = {
    Action.ACTIVATE: OfferDecision.PUBLISHED,
    Action.PAUSE: OfferDecision.PAUSED,
    Action.RESUME: OfferDecision.PUBLISHED,
    Action.END: OfferDecision.ENDED,
    Action.ARCHIVE: OfferDecision.ARCHIVED,
}
# Statuses in which an action has an effect. In the others it is rejected, unless the offer is where it leads.
ALLOWED = {
    Action.ACTIVATE: {OfferStatus.DRAFT},
    Action.PAUSE: {OfferStatus.SCHEDULED, OfferStatus.ACTIVE},
    Action.RESUME: {OfferStatus.PAUSED},
    Action.END: {OfferStatus.DRAFT, OfferStatus.SCHEDULED, OfferStatus.ACTIVE, OfferStatus.PAUSED},
    Action.ARCHIVE: set(OfferStatus) - {OfferStatus.ARCHIVED},
}
UNCHANGED = {
    Action.ACTIVATE: {OfferStatus.SCHEDULED, OfferStatus.ACTIVE},
    Action.PAUSE: {OfferStatus.PAUSED},
    Action.RESUME: {OfferStatus.SCHEDULED, OfferStatus.ACTIVE},
    Action.END: {OfferStatus.ENDED},
    Action.ARCHIVE: {OfferStatus.ARCHIVED},
}


class OfferLifecycle(models.Model):
    """Base of an offer that a brand drafts, publishes, pauses, ends and archives.

    The offer also has ``brand``, ``start_date`` and ``end_date``; the end is exclusive. ``reported_status`` is the
    status of its last event (``redemptions.decisions``); nothing decides by it. ``external_id`` and ``metadata`` are
    the brand's own data; ``updated_at`` is the time of the last change by the brand.
    """

    offer_kind: ClassVar[str]
    offer_key_field: ClassVar[str] = "pk"

    decision = models.CharField(
        _("decision"),
        max_length=9,
        choices=OfferDecision.choices,
        default=OfferDecision.PUBLISHED,
        db_default=OfferDecision.PUBLISHED,
        editable=False,
    )
    reported_status = models.CharField(
        max_length=9,
        choices=OfferStatus.choices,
        default=OfferStatus.DRAFT,
        db_default=OfferStatus.DRAFT,
        editable=False,
    )

    external_id = models.CharField(
        _("external ID"), max_length=EXTERNAL_ID_LENGTH, db_collation="C", blank=True, default="", db_default=""
    )
    metadata = models.JSONField(
        _("metadata"), default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    updated_at = models.DateTimeField(_("updated"), db_default=Now(), editable=False)

    class Meta:
        abstract = True

    @property
    def offer_key(self) -> uuid.UUID:
        """The ID of the offer among the offers of all kinds, which codes and events refer to."""
        return getattr(self, self.offer_key_field)  # type: ignore[no-any-return]

    @classmethod
    def with_offer_keys(cls, keys: Any) -> "models.QuerySet[Self]":
        """Return the offers of the kind with these IDs among the offers of all kinds."""
        return cls.objects.filter(**{f"{cls.offer_key_field}__in": keys})  # type: ignore[attr-defined,no-any-return]

    def status_at(self, at: datetime) -> OfferStatus:
        """Return the status at this time."""
        return derive_status(decision=self.decision, start=self.start_date, end=self.end_date, at=at)  # type: ignore[attr-defined]


def offer_models() -> list[type[OfferLifecycle]]:
    """Return the models of all kinds of offer, sorted by kind."""
    kinds = (model for model in apps.get_models() if issubclass(model, OfferLifecycle))
    return sorted(kinds, key=lambda model: model.offer_kind)


def live_index(name: str) -> models.Index:
    """Return the index of a kind that finds the offers whose dates have passed without an event."""
    return models.Index(fields=["end_date"], name=name, condition=Q(reported_status__in=LIVE_STATUSES))


def list_indexes(prefix: str) -> list[models.Index]:
    """Return the indexes of a kind for the filters of its list: external ID, metadata, and the last change."""
    return [
        models.Index(fields=["brand", "external_id"], name=f"{prefix}_external_id", condition=~Q(external_id="")),
        models.Index(fields=["brand", "updated_at"], name=f"{prefix}_updated"),
        GinIndex(
            fields=["metadata"], name=f"{prefix}_metadata", opclasses=["jsonb_path_ops"], condition=~Q(metadata={})
        ),
    ]


def unique_external_id(prefix: str) -> models.UniqueConstraint:
    """Return the constraint of a kind that an external ID means one of a brand's offers that are not archived."""
    return models.UniqueConstraint(
        fields=["brand", "external_id"],
        name=prefix + EXTERNAL_ID_CONSTRAINT,
        condition=~Q(external_id="") & ~Q(decision=OfferDecision.ARCHIVED),
    )


def derive_status(*, decision: str, start: datetime, end: datetime, at: datetime) -> OfferStatus:
    """Return the status of an offer with this decision from ``start`` until before ``end``.

    The SQL function ``offer_status`` derives the same for statements.
    """
    if decision in (OfferDecision.DRAFT, OfferDecision.ENDED, OfferDecision.ARCHIVED):
        return OfferStatus(decision)
    if end <= at:
        return OfferStatus.ENDED
    if decision == OfferDecision.PAUSED:
        return OfferStatus.PAUSED
    return OfferStatus.SCHEDULED if at < start else OfferStatus.ACTIVE


def status_condition(status: str, at: datetime) -> Q:
    """Return the condition that the rows with a status meet at this time, as ``derive_status`` decides."""
    published = Q(decision=OfferDecision.PUBLISHED)
    conditions = {
        OfferStatus.SCHEDULED: published & Q(start_date__gt=at, end_date__gt=at),
        OfferStatus.ACTIVE: published & Q(start_date__lte=at, end_date__gt=at),
        OfferStatus.PAUSED: Q(decision=OfferDecision.PAUSED, end_date__gt=at),
        OfferStatus.ENDED: Q(decision=OfferDecision.ENDED)
        | Q(decision__in=[OfferDecision.PUBLISHED, OfferDecision.PAUSED], end_date__lte=at),
    }
    return conditions.get(OfferStatus(status), Q(decision=status))


def find_status_error(status: str, *, inactive: type[DomainError] = CodeInactive) -> DomainError | None:
    """Return the error of a code whose offer has this status, or None if customers can redeem it.

    ``inactive`` is the error of an offer that is a draft, paused or archived.
    """
    if status == OfferStatus.ACTIVE:
        return None
    errors: dict[str, type[DomainError]] = {OfferStatus.SCHEDULED: CodeNotStarted, OfferStatus.ENDED: CodeExpired}
    return errors.get(status, inactive)()


def dates_of_duplicate(offer: OfferLifecycle, *, at: datetime) -> dict[str, datetime]:
    """Return start and end of a duplicate: those of the offer, or if it is over, the same length of time from now."""
    start, end = offer.start_date, offer.end_date  # type: ignore[attr-defined]
    return {"start_date": start, "end_date": end} if end > at else {"start_date": at, "end_date": at + (end - start)}


def reopens(offer: OfferLifecycle, *, fields: Mapping[str, Any], at: datetime) -> bool:
    """Return whether a change of these fields makes an ended offer active again, as another end date does.

    Raises InvalidStatus for an archived offer, and for an ended one whose end date stays.
    """
    status = offer.status_at(at)
    end_date = offer.end_date  # type: ignore[attr-defined]
    is_reopened = status == OfferStatus.ENDED and fields.get("end_date", end_date) != end_date
    if status == OfferStatus.ARCHIVED or (status == OfferStatus.ENDED and not is_reopened):
        raise InvalidStatus(current_status=status)
    return is_reopened


def decide(action: Action, *, status: OfferStatus) -> OfferDecision | None:
    """Return the decision that an action leads to, or None if the offer is there already. Raises InvalidStatus."""
    if status in ALLOWED[action]:
        return DECISIONS[action]
    if status in UNCHANGED[action]:
        return None
    raise InvalidStatus(current_status=status)
