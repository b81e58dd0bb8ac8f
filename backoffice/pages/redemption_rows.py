"""Redemptions and refused attempts of every kind as rows of tables."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from backoffice.base.formatting import EMPTY_VALUE, format_amount, format_datetime, format_number
from backoffice.base.kinds import KIND_LABELS
from checkout.admin.explanations import describe_members
from checkout.admin.redemptions import LABELS
from core.errors import ERROR_CATALOG
from redemptions.search.contracts import FoundUse, UseStatus

STATUS_LABELS = {UseStatus(status): (status.label, color) for status, color in LABELS.items()} | {
    UseStatus.REJECTED: (_("Rejected"), "danger"),
}
EVENT_LABELS = {f"redemption.{status}": label for status, (label, _color) in STATUS_LABELS.items()} | {
    "redemption.amended": _("Amended"),
}


def build_row(use: FoundUse, zone: str, brand_names: Mapping[str, str]) -> dict[str, Any]:
    """Return a use for the table, in a time zone. ``brand_names`` are by slug, empty if all uses are of one brand."""
    label, color = STATUS_LABELS[use.status]
    return {
        "status": label,
        "color": color,
        "at": format_datetime(use.at, zone),
        "kind": KIND_LABELS.get(use.kind, use.kind),
        "offer": use.offer_name or use.code or KIND_LABELS.get(use.kind, use.kind),
        "brand": brand_names.get(use.brand, ""),
        "code": use.code,
        "customer": use.customer_id or EMPTY_VALUE,
        "order": use.order,
        "url": reverse("redemption-detail", args=[use.event]),
        "discount": format_discount(use),
        "reason": describe_rejection(use.reason) if use.reason else "",
        "count": format_number(use.count) if use.count > 1 else "",
        "events": [
            (EVENT_LABELS.get(event.type, event.type), format_datetime(event.at, zone)) for event in use.events[:-1]
        ],
    }


def format_discount(use: FoundUse) -> str:
    """Return the discount of a use as text; a dash for one without an order."""
    return format_amount(use.amount, use.currency) if use.currency else EMPTY_VALUE


def describe_rejection(reason: Mapping[str, Any]) -> str:
    """Return why an attempt was refused as text, with the numbers of the reason."""
    known = ERROR_CATALOG.get(str(reason.get("code", "")))
    message = str(reason.get("detail") or (known.message if known else reason.get("code", "")))
    members = describe_members(reason)
    return f"{message} ({members})" if members else message
