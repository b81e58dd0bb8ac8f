"""The status of offers in the admin: colors, a filter and actions."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from backoffice.base.filters import StatusFilter
from core.errors import DomainError
from core.permissions import BrandPermissions
from redemptions.admin.metadata import MetadataPageMixin
from redemptions.errors import InvalidStatus
from redemptions.lifecycle import ALLOWED, Action, OfferLifecycle, status_condition
from redemptions.statuses import OfferDecision, OfferStatus

DUPLICATE, DELETE = "duplicate", "delete"  # buttons that are no action
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


class OfferActionsMixin(MetadataPageMixin):
    """The buttons and the bulk actions of offers. The admin of a kind implements the first three methods."""

    def change_decision(self, offer: Any, action: Action) -> object:
        """Apply an action to an offer. Raises DomainError."""
        raise NotImplementedError

    def duplicate(self, request: HttpRequest, offer: Any) -> Any:
        """Return a draft with the terms of an offer, and with the ``text`` of the request. Raises DomainError."""
        raise NotImplementedError

    def delete_draft(self, offer: Any) -> None:
        """Delete a draft. Raises DomainError."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the admin, with that of the buttons."""
        opts, site = self.opts, self.admin_site  # type: ignore[attr-defined]
        view = site.admin_view(require_POST(self.change_status))
        name = f"{opts.app_label}_{opts.model_name}_status"
        return [path("<str:pk>/status/<str:action>/", view, name=name), *super().get_urls()]

    def change_status(self, request: HttpRequest, pk: str, action: str) -> HttpResponse:
        """Apply an action to an offer, duplicate it, or delete a draft."""
        offer = self.get_object(request, pk)  # type: ignore[attr-defined]
        if offer is None or action not in (*Action, DUPLICATE, DELETE):
            raise Http404
        if not self.has_brand_permission(request, BrandPermissions.EDIT, offer):  # type: ignore[attr-defined]
            raise PermissionDenied
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}"  # type: ignore[attr-defined]
        try:
            if action == DUPLICATE:
                offer = self.duplicate(request, offer)
                messages.success(request, gettext("%(offer)s saved as a draft.") % {"offer": offer})
            elif action == DELETE:
                if offer.decision != OfferDecision.DRAFT:
                    raise InvalidStatus(gettext("Only drafts can be deleted. Archive the offer instead."))
                self.delete_draft(offer)
                messages.success(request, gettext("%(offer)s deleted.") % {"offer": offer})
                return redirect(f"{page}_changelist")
            else:
                apply_action(request, [offer], Action(action), self.change_decision)
        except DomainError as error:
            details = [field_error["detail"] for field_error in error.errors or []] or [error.detail]
            messages.error(request, f"{offer}: {' '.join(map(str, details))}")
        return redirect(f"{page}_change", offer.pk)

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
