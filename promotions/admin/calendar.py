"""The calendar of promotions: a month, a row for each promotion that runs in it, in its brand's own days."""

import calendar
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from core import datetimes
from core.permissions import BrandPermissions
from promotions.models import Promotion, Status

MAX_ROWS = 200  # rows of a month
COLORS = {
    Status.DRAFT: "draft",
    Status.SCHEDULED: "scheduled",
    Status.ACTIVE: "active",
    Status.ACTIVE_WITHOUT_AUDIENCE: "active",
    Status.ENDED: "over",
    Status.DEACTIVATED: "over",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A promotion in a month: from the column ``start`` up to, not including, ``stop`` (the first day is 1)."""

    promotion: Promotion
    start: int
    stop: int
    color: str
    when: str
    goes_on: bool


def page(request: HttpRequest) -> HttpResponse:
    """``/admin/promotions/promotion/calendar/?month=2026-11&brand=billo``: what runs when, of the user's brands."""
    mine = list_brand_ids(request, BrandPermissions.READ)
    if mine == []:
        raise PermissionDenied
    brands = Brand.objects.filter(is_active=True).order_by("name")
    brands = brands if mine is None else brands.filter(pk__in=mine)
    chosen = _chosen(request, brands)
    zone = chosen.timezone if chosen else "UTC"
    today = timezone.now().astimezone(ZoneInfo(zone)).date()
    first = parse_month(request.GET.get("month", "")) or today.replace(day=1)
    days = calendar.monthrange(first.year, first.month)[1]
    bars, more = build_bars([chosen.pk] if chosen else mine, first, days)
    choices = list(brands[:50])
    context = admin.site.each_context(request) | {
        "title": "Calendar", "opts": Promotion._meta, "month": first, "bars": bars, "more": more,  # noqa: SLF001
        "days": [(first + timedelta(days=day), first + timedelta(days=day) == today) for day in range(days)],
        "before": first - timedelta(days=1) if first.year > datetimes.SUPPORTED_YEARS[0] else None,
        "after": first + timedelta(days=days) if first.year < datetimes.SUPPORTED_YEARS[-1] else None,
        "brands": choices if len(choices) > 1 else [], "brand": chosen, "several": chosen is None and len(choices) > 1,
    }  # fmt: skip
    return TemplateResponse(request, "admin/promotions/calendar.html", context)


def _chosen(request: HttpRequest, brands: QuerySet[Brand]) -> Brand | None:
    """The brand that is asked for, or the only one. Raises Http404."""
    if slug := request.GET.get("brand"):
        found = brands.filter(slug=slug).first()
        if found is None:
            raise Http404
        return found
    some = list(brands[:2])
    return some[0] if len(some) == 1 else None


def parse_month(text: str) -> date | None:
    """The first day of ``2026-11``; None for what is no month."""
    found = re.fullmatch(r"(\d{4})-(\d\d)", text, re.ASCII)
    if found is None or int(found[1]) not in datetimes.SUPPORTED_YEARS or not 1 <= int(found[2]) <= 12:
        return None
    return date(int(found[1]), int(found[2]), 1)


def build_bars(brands: Collection[Any] | None, first: date, days: int) -> tuple[list[Bar], bool]:
    """The bars of these brands' promotions (of all brands with None), the earliest first; and whether there are more
    than are shown.
    """
    start = datetime(first.year, first.month, 1, tzinfo=UTC)
    rows = Promotion.objects.select_related("brand").order_by("start_date", "pk")
    rows = rows if brands is None else rows.filter(brand__in=brands)
    around = timedelta(days=1)  # wherever on earth the brand is
    rows = rows.filter(start_date__lt=start + timedelta(days=days) + around, end_date__gt=start - around)
    found = [bar for it in rows[: MAX_ROWS + 1] if (bar := _bar(it, first, days))]
    return found[:MAX_ROWS], len(found) > MAX_ROWS


def _bar(promotion: Promotion, first: date, days: int) -> Bar | None:
    zone = ZoneInfo(promotion.brand.timezone)
    begins = promotion.start_date.astimezone(zone).date()
    ends = (promotion.end_date - timedelta(microseconds=1)).astimezone(zone).date()
    start, stop = (begins - first).days + 1, (ends - first).days + 2
    if stop <= 1 or start > days:
        return None
    when = f"{begins:%-d %b %Y}" if begins == ends else f"{begins:%-d %b %Y} to {ends:%-d %b %Y}"
    color = COLORS[Status(promotion.status)]
    return Bar(promotion, max(1, start), min(days + 1, stop), color, when, stop > days + 1)
