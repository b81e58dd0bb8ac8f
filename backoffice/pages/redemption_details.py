"""One redemption or refused attempt: what happened to it, why, and what can be done with it."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from backoffice.base.admin import list_brand_ids
from backoffice.base.confirmations import Confirmation, render_confirmation
from backoffice.base.formatting import EMPTY_VALUE, format_amount, format_datetime, format_number
from backoffice.base.kinds import KIND_LABELS
from backoffice.pages.audit_log import shared_time_zone
from backoffice.pages.redemption_rows import EVENT_LABELS, STATUS_LABELS, describe_rejection, format_discount
from checkout import selectors as orders
from checkout.admin.order_actions import list_order_actions
from checkout.admin.redemptions import explain_offer
from checkout.models import Redemption
from core.errors import DomainError, NotFound
from core.permissions import BrandPermissions
from redemptions.backends import get_code_backends, get_standalone_backends
from redemptions.search import selectors
from redemptions.search.contracts import FoundUse, UseAction

Label = str | Promise
ACTION_TEXTS: Mapping[UseAction, tuple[Label, Label, Label]] = {
    UseAction.CANCEL: (
        _("Release reservation"),
        _("The reservation ends, and what it took of the limits is available again."),
        _("Reservation released."),
    ),
    UseAction.REFUND: (
        _("Return redemption"),
        _(
            "The customer can redeem the code or coupon once more, within its limits."
            " The redemption stays listed as returned."
        ),
        _("Redemption returned."),
    ),
}


@require_safe
def redemption_detail_page(request: HttpRequest, event: uuid.UUID) -> HttpResponse:
    """Show the redemption or the refused attempt that an event belongs to."""
    use, brand_ids = _get_use(request, event)
    zone = shared_time_zone(request)
    order = _get_order(use, brand_ids)
    label, color = STATUS_LABELS[use.status]
    name = use.offer_name or use.code or str(KIND_LABELS.get(use.kind, use.kind))
    context = admin.site.each_context(request) | {
        "title": gettext("Redemption of %(offer)s") % {"offer": name},
        "name": name,
        "use": use,
        "status": (label, color),
        "kind": KIND_LABELS.get(use.kind, use.kind),
        "offer_url": _get_offer_url(use),
        "facts": _list_facts(use),
        "reason": describe_rejection(use.reason) if use.reason else "",
        "count": format_number(use.count) if use.count > 1 else "",
        "explanations": explain_offer(order, use.offer, brand_ids) if order is not None else [],
        "order": order,
        "events": _list_events(use, zone),
        "zone": zone,
        "actions": _list_actions(request, use) if order is None else list_order_actions(request, order),
    }
    return TemplateResponse(request, "admin/redemption_detail.html", context)


def redemption_action_page(request: HttpRequest, event: uuid.UUID, action: str) -> HttpResponse:
    """Say what an action on a redemption without an order will do (GET), or do it (POST)."""
    use, _brand_ids = _get_use(request, event)
    backend = get_standalone_backends().get(use.kind)
    if backend is None or use.order or use.redemption is None or action not in list(ACTION_TEXTS):
        raise Http404
    if not _may_edit(request, use):
        raise PermissionDenied
    label, effect, done = ACTION_TEXTS[UseAction(action)]
    page = reverse("redemption-detail", args=[use.event])
    if request.method == "POST":
        is_release = action == UseAction.CANCEL
        end = backend.release_redemption if is_release else backend.return_redemption
        try:
            end(redemption=use.redemption, brand=use.brand_id, at=timezone.now())
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, str(done))
        return redirect(page)
    status = str(STATUS_LABELS[use.status][0])
    facts = [(gettext("Offer"), use.offer_name), (gettext("Status"), status), *_list_facts(use)]
    return render_confirmation(request, Confirmation(str(label), facts, str(effect), label, page))


def _get_use(request: HttpRequest, event: uuid.UUID) -> tuple[FoundUse, Sequence[Any] | None]:
    """Return the use of an event and the IDs of the brands that the user may read. Raises Http404."""
    brand_ids = list_brand_ids(request, BrandPermissions.READ)
    try:
        return selectors.get_use(event=event, brands=brand_ids), brand_ids
    except NotFound as error:
        raise Http404 from error


def _get_order(use: FoundUse, brand_ids: Sequence[Any] | None) -> Redemption | None:
    """Return the order of a use if the user may see it."""
    if not use.order or use.redemption is None:
        return None
    return orders.find_for_staff(pk=use.redemption, brand_ids=brand_ids)


def _get_offer_url(use: FoundUse) -> str:
    """Return the page of the offer, or an empty text."""
    backend = get_code_backends().get(use.kind)
    if backend is None or use.offer is None:
        return ""
    offers = backend.describe_code_offers(offers=[use.offer], at=timezone.now())
    return offers[use.offer].url if use.offer in offers else ""


def _list_facts(use: FoundUse) -> list[tuple[str, str]]:
    facts = [
        (gettext("Brand"), use.brand),
        (gettext("Customer"), use.customer_id),
        (gettext("Code"), use.code),
        (gettext("Order"), use.order),
        (gettext("Subtotal"), format_amount(use.subtotal, use.currency) if use.currency else ""),
        (gettext("Discount"), format_discount(use)),
    ]
    return [(name, value or EMPTY_VALUE) for name, value in facts]


def _list_events(use: FoundUse, zone: str) -> list[tuple[Label, str, str]]:
    """Return what happened to a use: the label, the time and the amount of each event, oldest first."""
    return [
        (
            EVENT_LABELS.get(event.type, event.type),
            format_datetime(event.at, zone),
            format_amount(event.amount, use.currency) if event.amount and use.currency else "",
        )
        for event in use.events
    ]


def _list_actions(request: HttpRequest, use: FoundUse) -> list[tuple[Label, str]]:
    """Return what the user can do now with a use without an order: the label and the URL of each action."""
    if use.order or use.kind not in get_standalone_backends() or not _may_edit(request, use):
        return []
    return [
        (ACTION_TEXTS[action][0], reverse("redemption-action", args=[use.event, action]))
        for action in use.actions
        if action in ACTION_TEXTS
    ]


def _may_edit(request: HttpRequest, use: FoundUse) -> bool:
    brand_ids = list_brand_ids(request, BrandPermissions.EDIT)
    return brand_ids is None or use.brand_id in brand_ids
