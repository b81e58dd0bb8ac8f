"""Admin page of slot usage: how many slots the customers of an audience use, and how many customers are full.

A brand sees counts of its own audiences only. They include slots that other brands use, but don't name those brands.
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
from django.utils.translation import gettext as _

from backoffice.base.admin import has_multiple_brands, list_brand_ids
from backoffice.base.charts import Chart, build_chart
from backoffice.base.formatting import format_datetime, format_number, format_percentage
from core.permissions import BrandPermissions
from segments import selectors
from segments.contracts import SlotUsage
from segments.models import Audience, Segment
from segments.services import slot_usage

MAX_CHOICES = 200  # audiences to choose from
ALL_CUSTOMERS = "all"


def slot_usage_view(request: HttpRequest) -> HttpResponse:
    """Show the slot usage of an audience (``?audience=17``), or of ``all`` customers to platform admins."""
    brand_ids = list_brand_ids(request, BrandPermissions.READ)
    if brand_ids == []:
        raise PermissionDenied
    audiences = selectors.list_audiences(brand_ids=brand_ids)
    selected, all_customers = _select(request, audiences, may_see_all=brand_ids is None)
    at = timezone.now()
    usage = slot_usage.get_slot_usage(audience=selected, at=at) if selected or all_customers else None
    with_brand = has_multiple_brands(request)
    choices = audiences.order_by("brand__name", "segment_type")[:MAX_CHOICES]
    context = admin.site.each_context(request) | {
        "title": _("Audience capacity"), "opts": Segment._meta, "may_see_all": brand_ids is None,  # noqa: SLF001
        "choices": [(audience.pk, _name(audience, with_brand)) for audience in choices],
        "selected": selected, "name": _name(selected, with_brand) if selected else _("All customers"),
        "counting": (selected or all_customers) and (usage is None or at - usage.as_of > slot_usage.MAX_AGE),
    }  # fmt: skip
    zone = selected.brand.timezone if selected else "UTC"
    return TemplateResponse(
        request, "admin/segments/slots.html", context | (_chart_context(usage, zone) if usage else {})
    )


def _select(request: HttpRequest, audiences: QuerySet[Audience], *, may_see_all: bool) -> tuple[Audience | None, bool]:
    """Return the requested audience (default: the largest), and whether it is all customers. Raises Http404."""
    value = request.GET.get("audience", "")
    if not value and not may_see_all:
        return audiences.order_by("-size", "pk").first(), False
    if may_see_all and value in ("", ALL_CUSTOMERS):
        return None, True
    is_key = value.isascii() and value.isdigit() and len(value) < 19
    audience = audiences.filter(pk=int(value)).first() if is_key else None
    if audience is None:
        raise Http404
    return audience, False


def _name(audience: Audience, with_brand: bool) -> str:
    name = audience.segment_type.replace("_", " ")
    return f"{audience.brand}: {name}" if with_brand else name


def _chart_context(usage: SlotUsage, zone: str) -> dict[str, Any]:
    """Return the template context of the cards, the chart and the table."""
    slots = settings.SEGMENT_SLOTS_PER_CUSTOMER
    by_used = usage.by_used + (0,) * (slots + 1 - len(usage.by_used))
    total, full = usage.customers, usage.count_full(slots=slots)
    used_slots = sum(used * count for used, count in enumerate(by_used))
    chart = build_chart([(str(used), count) for used, count in enumerate(by_used)], describe=format_number)
    summary = _("%(total)s customers; %(unused)s use no slots, %(full)s are full") % {
        "total": format_number(total), "unused": format_number(by_used[0]), "full": format_number(full),
    }  # fmt: skip
    reachable = {"share": format_percentage(total - full, total)}
    skipped = {"share": format_percentage(full, total)}
    average = {"slots": format_number(slots)}
    return {
        "slots": slots,
        "as_of": format_datetime(usage.as_of, zone),
        "chart": replace(chart, summary=summary, width=max(chart.width, Chart.MAX_WIDTH / 2)),
        "cards": [
            (_("Customers"), format_number(total), _("in the audience now")),
            (_("Reachable"), format_number(total - full), _("%(share)s can join a segment today") % reachable),
            (_("Full"), format_number(full), _("%(share)s would be skipped") % skipped),
            (
                _("Slots used"), format_number(used_slots / total if total else 0, 1),
                _("average per customer, of %(slots)s") % average,
            ),
        ],
        "rows": [
            (used, format_number(count), format_percentage(count, total))
            for used, count in enumerate(by_used) if count
        ],
    }  # fmt: skip
