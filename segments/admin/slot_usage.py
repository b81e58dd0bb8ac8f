"""The page of slot pressure: how many slots the customers of an audience use, and for how many that is all of them.

A brand sees it of its own audiences only, as numbers: that others take slots of the same customers, not who they are.
"""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from backoffice.base.admin import has_multiple_brands, list_brand_ids
from backoffice.base.charts import Chart, build_chart
from backoffice.base.formatting import format_datetime, format_percentage
from core.permissions import BrandPermissions
from segments.contracts import SlotUsage
from segments.models import Audience, Segment
from segments.services import slot_usage

MAX_CHOICES = 200  # audiences to choose from
ALL_CUSTOMERS = "all"


def page(request: HttpRequest) -> HttpResponse:
    """``/admin/segments/segment/slots/?audience=17``: of one of the user's audiences, or ``all`` customers."""
    brands = list_brand_ids(request, BrandPermissions.READ)
    if brands == []:
        raise PermissionDenied
    audiences = Audience.objects.select_related("brand")
    audiences = audiences if brands is None else audiences.filter(brand__in=brands)
    chosen, everybody = _chosen(request, audiences, may_see_all=brands is None)
    at = timezone.now()
    found = slot_usage.get_slot_usage(audience=chosen, at=at) if chosen or everybody else None
    several = has_multiple_brands(request)
    shown = admin.site.each_context(request) | {
        "title": "Slots", "opts": Segment._meta, "everybody": everybody, "may_see_all": brands is None,  # noqa: SLF001
        "choices": [(it.pk, _name(it, several)) for it in audiences.order_by("brand__name", "segment_type")[:MAX_CHOICES]],
        "chosen": chosen, "name": _name(chosen, several) if chosen else "All customers of the platform",
        "counting": (chosen or everybody) and (found is None or at - found.as_of > slot_usage.MAX_AGE),
    }  # fmt: skip
    zone = chosen.brand.timezone if chosen else "UTC"
    return TemplateResponse(request, "admin/segments/slots.html", shown | (_build_chart(found, zone) if found else {}))


def _chosen(request: HttpRequest, audiences: QuerySet[Audience], *, may_see_all: bool) -> tuple[Audience | None, bool]:
    """The audience that is asked for, else the largest; whether it is everybody instead. Raises Http404."""
    asked = request.GET.get("audience", "")
    if not asked and not may_see_all:
        return audiences.order_by("-size", "pk").first(), False
    if may_see_all and asked in ("", ALL_CUSTOMERS):
        return None, True
    found = audiences.filter(pk=int(asked)).first() if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    if found is None:
        raise Http404
    return found, False


def _name(audience: Audience, several: bool) -> str:
    return (
        f"{audience.brand}: {audience.segment_type.replace('_', ' ')}" if several else str(audience).replace("_", " ")
    )


def _build_chart(found: SlotUsage, zone: str) -> dict[str, Any]:
    """The numbers, the chart and the table."""
    slots = settings.SEGMENT_SLOTS_PER_CUSTOMER
    by_used = found.by_used + (0,) * (slots + 1 - len(found.by_used))
    whole, full = found.customers, found.count_full(slots=slots)
    taken = sum(used * many for used, many in enumerate(by_used))
    chart = build_chart([(str(used), many) for used, many in enumerate(by_used)], unit="customers")
    in_words = f"{whole:,} customers; {by_used[0]:,} use no slot, {full:,} have none free"
    return {
        "slots": slots,
        "as_of": format_datetime(found.as_of, zone),
        "chart": replace(chart, summary=in_words, width=max(chart.width, Chart.MAX_WIDTH / 2)),
        "cards": [
            ("Customers", f"{whole:,}", "in it now"),
            ("With a free slot", f"{whole - full:,}", f"{format_percentage(whole - full, whole)} would be in a segment today"),
            ("Full", f"{full:,}", f"{format_percentage(full, whole)} would be passed over"),
            ("Slots used", f"{taken / whole if whole else 0:.1f}", f"of {slots} by a customer, on average"),
        ],
        "rows": [(used, f"{many:,}", format_percentage(many, whole)) for used, many in enumerate(by_used) if many],
    }  # fmt: skip
