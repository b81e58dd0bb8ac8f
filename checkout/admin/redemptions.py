"""Admin pages of the redemption of an order: its details, and the explanation of its price."""

import uuid
from collections.abc import Collection
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from backoffice.base.admin import ReadOnlyAdminMixin, list_brand_ids
from backoffice.base.formatting import format_amount, format_datetime
from backoffice.base.kinds import KIND_LABELS
from checkout import price_records, selectors, serialization
from checkout.admin import cart_simulator, explanations
from checkout.admin.order_actions import action_view, list_order_actions
from checkout.errors import PriceRecordUnreadable
from checkout.models import Redemption
from checkout.refunds import LineState
from core.permissions import BrandPermissions
from redemptions.admin.balances import build_movement_rows
from redemptions.admin.metadata import list_rows
from redemptions.codes.selectors.movements import list_movements_of_order
from redemptions.statuses import RedemptionStatus

LABELS = {
    RedemptionStatus.RESERVED: "info",
    RedemptionStatus.CONFIRMED: "success",
    RedemptionStatus.RELEASED: "warning",
    RedemptionStatus.EXPIRED: "warning",
    RedemptionStatus.PARTIALLY_RETURNED: "warning",
    RedemptionStatus.RETURNED: "danger",
}
URL_NAMES = ("checkout_redemption_change", "checkout_redemption_history")


@admin.register(Redemption)
class RedemptionAdmin(ReadOnlyAdminMixin):
    """The page of an order. The search for redemptions leads to it, so there is no list."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Redemption | None:
        """Return the redemption if it belongs to the user's brands, also one that a shopper sent."""
        try:
            pk = uuid.UUID(object_id)
        except ValueError:
            return None
        return selectors.find_for_staff(pk=pk, brand_ids=list_brand_ids(request, BrandPermissions.READ))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_brand_permission(request, BrandPermissions.READ)  # get_object checks the redemption itself

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("try/", wrap(cart_simulator.page), name="checkout_try"),
            path("<uuid:pk>/why/", wrap(require_safe(self.explanation_view)), name="checkout_redemption_why"),
            *(url for url in super().get_urls() if url.name in URL_NAMES),
            path("<uuid:pk>/<str:action>/", wrap(action_view), name="checkout_redemption_action"),
        ]

    def explanation_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the explanation of an order's price from its price record."""
        redemption = self._get_or_404(request, str(pk))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Price explanation for order %(order)s") % {"order": redemption.order},
            "opts": self.opts,
            **build_explanation(redemption, list_brand_ids(request, BrandPermissions.READ)),
        }
        return TemplateResponse(request, "admin/checkout/price_explanation.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one redemption."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        redemption = self._get_or_404(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Order %(order)s") % {"order": redemption.order},
            "opts": self.opts,
            **build_context(redemption, list_brand_ids(request, BrandPermissions.READ)),
            "actions": list_order_actions(request, redemption),
        }
        return TemplateResponse(request, "admin/checkout/redemption.html", context)

    def _get_or_404(self, request: HttpRequest, object_id: str) -> Redemption:
        redemption = self.get_object(request, object_id)
        if redemption is None:
            raise Http404
        return redemption


def build_explanation(redemption: Redemption, brand_ids: list[Any] | None) -> dict[str, Any]:
    """Return the repeated decision about a redemption, restricted to these brands' offers, for the template."""
    currency = redemption.currency
    zone = selectors.get_timezone(redemption)
    context = {"redemption": redemption, "priced_at": format_datetime(redemption.created_at, zone)}
    try:
        quote = selectors.get_decision(redemption)
    except PriceRecordUnreadable:
        return context | {"is_unreadable": True}
    total = quote.decision.total
    return context | {
        "explanations": explanations.rows(explanations.filter_by_brand(quote, brand_ids), currency),
        "new_total": "" if total == redemption.total else format_amount(total, currency),
    }


def explain_offer(
    redemption: Redemption, offer: uuid.UUID | None, brand_ids: Collection[Any] | None
) -> list[dict[str, Any]]:
    """Return the decision about one offer in an order, for the template; nothing if it can't be repeated."""
    try:
        quote = selectors.get_decision(redemption)
    except PriceRecordUnreadable:
        return []
    used = set(redemption.items.filter(offer_id=offer).values_list("kind", "key"))
    ids = {one.id for one in quote.candidates.values() if (one.kind, one.key) in used}
    found = [row for row in explanations.filter_by_brand(quote, brand_ids) if row["id"] in ids]
    return explanations.rows(found, redemption.currency)


def build_context(redemption: Redemption, brand_ids: list[Any] | None) -> dict[str, Any]:
    """Return what these brands may see of a redemption, in the form that the template shows."""
    quote, currency = price_records.load_quote(redemption.quote, redemption.record), redemption.currency
    part = selectors.find_part(redemption, brand_ids)
    if part is not None:
        quote = serialization.restrict_quote(quote, part)
    is_senders = brand_ids is None or redemption.brand_id in brand_ids
    zone = selectors.get_timezone(redemption)
    times = [
        (gettext("Requested"), redemption.created_at),
        (gettext("Reserved until"), redemption.expires_at),
        (gettext("Confirmed"), redemption.confirmed_at),
        (gettext("Amended"), redemption.amended_at),
        (gettext("Closed"), redemption.closed_at),
    ]

    def amount(text: str | None) -> str:
        return explanations.format_answer_amount(text, currency)

    return {
        "redemption": redemption,
        "status": (redemption.get_status_display(), LABELS[RedemptionStatus(redemption.status)]),
        "zone": zone,
        "times": [(name, format_datetime(time, zone)) for name, time in times if time],
        "confirmed_by": redemption.get_confirmed_by_display(),
        "totals": [
            (gettext("Subtotal"), amount(quote.get("subtotal"))),
            (gettext("Discount"), amount(quote.get("discount_total"))),
            (gettext("Shipping"), amount(quote.get("shipping"))),
            (gettext("Total"), amount(quote.get("total"))),
        ],
        "is_part": part is not None,
        "lines": _build_lines(redemption, quote),
        "applied": [
            {
                "kind": KIND_LABELS.get(offer["kind"], offer["kind"]),
                "code": offer.get("code", ""),
                "name": offer["name"],
                "amount": amount(offer["amount"]),
                "shares": ", ".join(f"{share['id']}: {amount(share['amount'])}" for share in offer["lines"]),
            }
            for offer in quote.get("applied", [])
        ],
        "rejected": [
            {"code": rejected["code"], "reason": explanations.describe_reason(rejected["reason"])}
            for rejected in quote.get("rejected", [])
        ],
        "movements": build_movement_rows(
            list_movements_of_order(redemption=redemption.pk, brand_ids=brand_ids), zone=zone
        ),
        "gifts": explanations.format_gifts(quote.get("gifts", []), currency),
        "own_data": list_rows(redemption.external_id, redemption.metadata) if is_senders else [],
    }


def _build_lines(redemption: Redemption, quote: dict[str, Any]) -> list[dict[str, Any]]:
    cart_lines = {line["id"]: line for line in redemption.cart.get("lines", [])}
    state = selectors.get_order_state(redemption)
    return [
        {
            "id": line["id"],
            "sku": cart_lines.get(line["id"], {}).get("sku", ""),
            "quantity": cart_lines.get(line["id"], {}).get("quantity", ""),
            "returned": _describe_returned(state.lines.get(line["id"])),
        }
        | {
            name: explanations.format_answer_amount(line[name], redemption.currency)
            for name in ("subtotal", "discount", "total")
        }
        for line in quote.get("lines", [])
    ]


def _describe_returned(line: LineState | None) -> str:
    """Return a label for what refunds returned of a line, or an empty text."""
    if line is None or not (line.returned_quantity or line.returned_value):
        return ""
    if line.is_returned:
        return gettext("Returned")
    return gettext("Returned: %(count)s of %(total)s") % {"count": line.returned_quantity, "total": line.quantity}
