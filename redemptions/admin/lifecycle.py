"""The status of offers in the admin: colors, a filter and actions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from backoffice.base.confirmations import Confirmation, render_confirmation
from backoffice.base.filters import StatusFilter
from backoffice.base.formatting import format_number
from backoffice.brand_selection import force_render
from core.errors import DomainError
from core.permissions import BrandPermissions
from redemptions.admin.metadata import MetadataPageMixin
from redemptions.admin.reviews import Review, describe_activation, find_obstacle
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
    Action.ACTIVATE: _("Review and activate…"),
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
BULK_LABELS: dict[Action, str | Promise] = {
    Action.ACTIVATE: _("Activate…"),
    Action.PAUSE: _("Pause…"),
    Action.RESUME: _("Resume…"),
    Action.END: _("End…"),
    Action.ARCHIVE: _("Archive…"),
}
BULK_BUTTONS: dict[Action, str | Promise] = {
    Action.ACTIVATE: _("Activate now"),
    Action.PAUSE: _("Pause now"),
    Action.RESUME: _("Resume now"),
    Action.END: _("End now"),
    Action.ARCHIVE: _("Archive now"),
}
BULK_EFFECTS: dict[Action, str | Promise] = {
    Action.ACTIVATE: _("Customers can redeem these offers between their dates, and announcements by email are sent."),
    Action.PAUSE: _("Nobody can redeem these offers until they are resumed."),
    Action.RESUME: _("Customers can redeem these offers again."),
    Action.END: _("Nobody can redeem these offers from now on. Another end date makes them active again."),
    Action.ARCHIVE: _("Nobody can redeem these offers from now on. This can't be undone."),
}
MAX_LISTED = 100  # offers that a page of a bulk action names
CONFIRMED = "confirmed"


class OfferStatusFilter(StatusFilter):
    """A filter of offers by their status at this time."""

    statuses: ClassVar[Sequence[tuple[str, str | Promise]]] = [(status.value, status.label) for status in OfferStatus]

    def get_condition(self, status: str, at: datetime) -> Q:
        return status_condition(status, at)


class OfferActionsMixin(MetadataPageMixin):
    """The buttons, the review and the bulk actions of offers. The admin of a kind implements the first four methods."""

    def review(self, offer: Any, at: datetime) -> Review:
        """Return what an editor sees before an offer is activated."""
        raise NotImplementedError

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
        status, name = site.admin_view(require_POST(self.change_status)), f"{opts.app_label}_{opts.model_name}"
        return [
            path("<str:pk>/status/<str:action>/", status, name=f"{name}_status"),
            path("<str:pk>/review/", site.admin_view(self.review_view), name=f"{name}_review"),
            *super().get_urls(),
        ]

    def review_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show what the activation of a draft will do, and activate it."""
        offer = self._get_editable(request, pk)
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[offer.pk])  # type: ignore[attr-defined]
        if request.method == "POST":
            apply_action(request, [offer], Action.ACTIVATE, self.change_decision)
            return redirect(back)
        if offer.decision != OfferDecision.DRAFT:
            return redirect(back)
        at = timezone.now()
        with timezone.override(offer.brand.timezone):
            review, obstacle = self.review(offer, at), find_obstacle(offer, self.change_decision)
            warnings = [gettext("It can't be activated: %(reason)s") % {"reason": obstacle}] if obstacle else []
            confirmation = Confirmation(
                title=gettext("Review %(offer)s") % {"offer": offer},
                summary=review.summary,
                facts=review.facts,
                effect=describe_activation(offer, at),
                warnings=[*warnings, *review.warnings],
                label="" if obstacle else gettext("Activate"),
                links=review.links,
                back=back,
            )
            return force_render(render_confirmation(request, confirmation))

    def redirect_to_draft(self, request: HttpRequest, offer: Any) -> HttpResponse:
        """Redirect from the form of a new offer: to its review, or if only the draft was saved, to its page."""
        page = "change" if "draft" in request.POST else "review"
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", offer.pk)  # type: ignore[attr-defined]

    def _get_editable(self, request: HttpRequest, pk: str) -> Any:
        """Return an offer that the user may edit. Raises Http404 and PermissionDenied."""
        offer = self.get_object(request, pk)  # type: ignore[attr-defined]
        if offer is None:
            raise Http404
        if not self.has_brand_permission(request, BrandPermissions.EDIT, offer):  # type: ignore[attr-defined]
            raise PermissionDenied
        return offer

    def change_status(self, request: HttpRequest, pk: str, action: str) -> HttpResponse:
        """Apply an action to an offer, duplicate it, or delete a draft. Only its review activates an offer."""
        offer = self._get_editable(request, pk)
        if action not in (*Action, DUPLICATE, DELETE) or action == Action.ACTIVATE:
            raise Http404
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
        return {action.value: (_apply_to_rows, action.value, label) for action, label in BULK_LABELS.items()}


def _apply_to_rows(admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """Say what the chosen action does with the selected offers that the user may edit; once confirmed, do it."""
    rows = list(admin.filter_queryset(queryset, request, BrandPermissions.EDIT))
    action = Action(request.POST["action"])
    if CONFIRMED in request.POST:
        apply_action(request, rows, action, admin.change_decision)
        return None
    at = timezone.now()
    affected = [offer for offer in rows if offer.status_at(at) in ALLOWED[action]]
    facts = [(str(offer), str(offer.status_at(at).label)) for offer in rows[:MAX_LISTED]]
    if len(rows) > MAX_LISTED:
        facts.append((gettext("More offers"), format_number(len(rows) - MAX_LISTED)))
    effect = ngettext(
        "This concerns %(count)s of %(total)s selected offer.",
        "This concerns %(count)s of %(total)s selected offers.",
        len(rows),
    ) % {"count": format_number(len(affected)), "total": format_number(len(rows))}
    return confirm_rows(
        request,
        Confirmation(
            title=str(BULK_LABELS[action]).rstrip("…"),
            facts=facts,
            effect=f"{effect} {BULK_EFFECTS[action]}",
            label=BULK_BUTTONS[action] if affected else "",
            back=request.get_full_path(),
        ),
    )


def confirm_rows(request: HttpRequest, confirmation: Confirmation) -> HttpResponse:
    """Show the page of a bulk action, whose form posts the same selection again, confirmed."""
    names = ("action", ACTION_CHECKBOX_NAME, "select_across", "index")
    fields = [(name, value) for name in names for value in request.POST.getlist(name)]
    return render_confirmation(request, replace(confirmation, fields=[*fields, (CONFIRMED, "1")]))


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
