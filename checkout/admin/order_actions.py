"""Actions of staff on the redemption of an order, each with a page that says what will happen."""

import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pghistory
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.base.admin import list_brand_ids
from backoffice.base.confirmations import Confirmation, render_confirmation
from backoffice.base.formatting import format_amount
from checkout import selectors, services
from checkout.contracts import Actor
from checkout.models import Redemption
from checkout.refunds import RefundRequest
from core.errors import DomainError
from core.permissions import BrandPermissions
from redemptions.statuses import PAID, RedemptionStatus

Label = str | Promise


class OrderAction(enum.StrEnum):
    """What staff can do with the redemption of an order."""

    CONFIRM = "confirm"
    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class ActionTexts:
    """The texts of an action: its button, the title of its page, what will happen, and what has happened."""

    label: Label
    title: Label
    effect: Label
    done: Label


TEXTS: Mapping[OrderAction, ActionTexts] = {
    OrderAction.CONFIRM: ActionTexts(
        _("Confirm order"),
        _("Confirm order %(order)s"),
        _("The order counts as paid, with its discounts of %(discount)s. It can be refunded later."),
        _("Order %(order)s confirmed."),
    ),
    OrderAction.CANCEL: ActionTexts(
        _("Cancel order"),
        _("Cancel order %(order)s"),
        _("The reservation ends: its codes, vouchers and limits are available again at once."),
        _("Order %(order)s canceled."),
    ),
    OrderAction.REFUND: ActionTexts(
        _("Refund order"),
        _("Refund order %(order)s"),
        _("All that is left of the order comes back: its discounts leave budgets and results."),
        _("Order %(order)s refunded."),
    ),
}


def list_order_actions(request: HttpRequest, redemption: Redemption) -> list[tuple[Label, str]]:
    """Return the actions that the user can take now: the label and the URL of each."""
    return [
        (TEXTS[action].label, reverse("admin:checkout_redemption_action", args=[redemption.pk, action]))
        for action in OrderAction
        if _has_effect(action, redemption) and _is_allowed(request, redemption, action)
    ]


def _has_effect(action: OrderAction, redemption: Redemption) -> bool:
    if action is OrderAction.CANCEL:
        return redemption.status == RedemptionStatus.RESERVED
    if action is OrderAction.REFUND:
        return redemption.status in PAID
    if redemption.status in PAID:
        return redemption.confirmed_by == Actor.SHOPPER
    return redemption.status in (RedemptionStatus.RESERVED, RedemptionStatus.EXPIRED)


def _is_allowed(request: HttpRequest, redemption: Redemption, action: OrderAction) -> bool:
    brand_ids = list_brand_ids(request, BrandPermissions.EDIT)
    if brand_ids is not None and action is not OrderAction.REFUND and redemption.platform_key is not None:
        return False  # the platform's checkout, which reserved the order, learns of its payment
    return selectors.is_editable_by_staff(redemption, brand_ids)


def action_view(request: HttpRequest, pk: uuid.UUID, action: str) -> HttpResponse:
    """Say what the action will do (GET), or do it (POST)."""
    redemption = selectors.find_for_staff(pk=pk, brand_ids=list_brand_ids(request, BrandPermissions.READ))
    if redemption is None or action not in list(OrderAction):
        raise Http404
    wanted = OrderAction(action)
    if not _is_allowed(request, redemption, wanted):
        raise PermissionDenied
    texts, page = TEXTS[wanted], reverse("admin:checkout_redemption_change", args=[redemption.pk])
    if request.method == "POST":
        try:
            _apply(wanted, redemption, timezone.now())
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, texts.done % {"order": redemption.order})
        return redirect(page)
    discount = format_amount(redemption.discount_total, redemption.currency)
    confirmation = Confirmation(
        title=texts.title % {"order": redemption.order},
        facts=[
            (gettext("Customer"), redemption.customer.customer_id),
            (gettext("Status"), redemption.get_status_display()),
            (gettext("Discount"), discount),
            (gettext("Total"), format_amount(redemption.total, redemption.currency)),
        ],
        effect=texts.effect % {"discount": discount},
        label=texts.label,
        back=page,
    )
    return render_confirmation(request, confirmation)


@transaction.atomic
def _apply(action: OrderAction, redemption: Redemption, at: datetime) -> None:
    """Apply an action, with an event of the audit log if it changes anything. Raises DomainError."""
    changed = _change(action, redemption, at)
    if (changed.status, changed.confirmed_by) != (redemption.status, redemption.confirmed_by):
        pghistory.create_event(changed, label=changed.status)


def _change(action: OrderAction, redemption: Redemption, at: datetime) -> Redemption:
    if action is OrderAction.CONFIRM:
        return services.confirm(redemption=redemption, by=Actor.STAFF, at=at)
    if action is OrderAction.CANCEL:
        return services.cancel(redemption=redemption, at=at)
    return services.return_redemption(redemption=redemption, request=RefundRequest(), at=at).redemption
