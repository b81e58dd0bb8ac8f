"""The status of offers in the admin: colors, a filter and actions."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.base.filters import StatusFilter
from core.errors import DomainError
from core.permissions import BrandPermissions
from redemptions.lifecycle import ALLOWED, Action, OfferLifecycle, status_condition
from redemptions.statuses import OfferStatus

STATUS_COLORS = {
    OfferStatus.DRAFT: "info",
    OfferStatus.SCHEDULED: "primary",
    OfferStatus.ACTIVE: "success",
    OfferStatus.PAUSED: "warning",
    OfferStatus.ENDED: "info",
    OfferStatus.ARCHIVED: "info",
}
ACTION_LABELS: dict[Action, str | Promise] = {
    Action.ACTIVATE: _("Activate"),
    Action.PAUSE: _("Pause"),
    Action.RESUME: _("Resume"),
    Action.END: _("End…"),
    Action.ARCHIVE: _("Archive…"),
}
ACTION_MESSAGES: dict[Action, str | Promise] = {
    Action.ACTIVATE: _("%(offer)s activated."),
    Action.PAUSE: _("%(offer)s paused."),
    Action.RESUME: _("%(offer)s resumed."),
    Action.END: _("%(offer)s ended."),
    Action.ARCHIVE: _("%(offer)s archived."),
}


class OfferStatusFilter(StatusFilter):
    """A filter of offers by their status at this time."""

    statuses: ClassVar[Sequence[tuple[str, str | Promise]]] = [(status.value, status.label) for status in OfferStatus]

    def get_condition(self, status: str, at: datetime) -> Q:
        return status_condition(status, at)


class OfferActionsMixin:
    """The bulk actions of a list of offers. The admin of a kind implements ``change_decision``."""

    def change_decision(self, offer: Any, action: Action) -> object:
        """Apply an action to an offer. Raises DomainError."""
        raise NotImplementedError

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return an action of the list for each action of an offer, for users who may edit offers."""
        if not self.has_brand_permission(request, BrandPermissions.EDIT):  # type: ignore[attr-defined]
            return {}
        return {action.value: (_apply_to_rows, action.value, label) for action, label in ACTION_LABELS.items()}


def _apply_to_rows(admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> None:
    """Apply the chosen action to the selected offers that the user may edit."""
    rows = list(admin.filter_queryset(queryset, request, BrandPermissions.EDIT))
    apply_action(request, rows, Action(request.POST["action"]), admin.change_decision)


def label_status(offer: OfferLifecycle, at: datetime) -> tuple[str, str | Promise]:
    """Return the status of an offer and its label, as the columns of the lists show it."""
    status = offer.status_at(at)
    return status.value, status.label


def list_actions(offer: OfferLifecycle, at: datetime) -> list[tuple[Action, str | Promise]]:
    """Return the actions that have an effect on an offer at this time, with their labels."""
    status = offer.status_at(at)
    return [(action, label) for action, label in ACTION_LABELS.items() if status in ALLOWED[action]]


def apply_action(
    request: HttpRequest, offers: Iterable[Any], action: Action, change: Callable[[Any, Action], object]
) -> None:
    """Apply an action to each offer with ``change(offer, action)``, and add a message about each."""
    for offer in offers:
        try:
            change(offer, action)
        except DomainError as error:
            messages.error(request, f"{offer}: {error.detail}")
        else:
            messages.success(request, ACTION_MESSAGES[action] % {"offer": offer})
