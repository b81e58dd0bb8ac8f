"""The calendar of promotions: a month with a row for each promotion, in the days of its brand's time zone."""

import calendar
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.base.admin import list_brand_ids
from backoffice.base.formatting import format_date, format_date_range
from backoffice.brand_selection import list_selectable_brands, select_brand
from core import datetimes
from core.permissions import BrandPermissions
from promotions.models import Promotion
from promotions.selectors.promotions import list_between
from redemptions.statuses import OfferStatus

MAX_ROWS = 200
MAX_BRANDS = 50  # choices of the brand select
MAX_UTC_OFFSET = timedelta(days=1)  # of any time zone
COLORS = {
    OfferStatus.DRAFT: "draft",
    OfferStatus.SCHEDULED: "scheduled",
    OfferStatus.ACTIVE: "active",
    OfferStatus.PAUSED: "draft",
    OfferStatus.ENDED: "ended",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A promotion in a month, from the column ``start`` up to ``stop`` (exclusive). The first day is column 1."""

    promotion: Promotion
    start: int
    stop: int
    color: str
    status: OfferStatus
    dates: str
    continues: bool


def calendar_view(request: HttpRequest) -> HttpResponse:
    """Show the calendar of a month: ``/admin/promotions/promotion/calendar/?month=2026-11&brand=billo``."""
    brand_ids = list_brand_ids(request, BrandPermissions.READ)
    if brand_ids == []:
        raise PermissionDenied
    brand = select_brand(request, BrandPermissions.READ)
    brands = list(list_selectable_brands(request, BrandPermissions.READ)[:MAX_BRANDS])
    has_choice = len(brands) > 1
    today = timezone.now().astimezone(ZoneInfo(brand.timezone if brand else "UTC")).date()
    first = parse_month(request.GET.get("month", "")) or today.replace(day=1)
    day_count = calendar.monthrange(first.year, first.month)[1]
    days = [first + timedelta(days=number) for number in range(day_count)]
    bars, has_more = build_bars([brand.pk] if brand else brand_ids, first, day_count, timezone.now())
    context = admin.site.each_context(request) | {
        "title": _("Calendar"), "opts": Promotion._meta, "month": first, "bars": bars, "has_more": has_more,  # noqa: SLF001
        "days": [(day, day == today) for day in days],
        "previous_month": first - timedelta(days=1) if first.year > datetimes.SUPPORTED_YEARS[0] else None,
        "next_month": first + timedelta(days=day_count) if first.year < datetimes.SUPPORTED_YEARS[-1] else None,
        "brands": brands if has_choice else [], "brand": brand, "has_multiple_brands": brand is None and has_choice,
    }  # fmt: skip
    return TemplateResponse(request, "admin/promotions/calendar.html", context)


def parse_month(text: str) -> date | None:
    """Return the first day of a month such as ``2026-11``, or None if the text is not a month."""
    match = re.fullmatch(r"(\d{4})-(\d\d)", text, re.ASCII)
    if match is None or int(match[1]) not in datetimes.SUPPORTED_YEARS or not 1 <= int(match[2]) <= 12:
        return None
    return date(int(match[1]), int(match[2]), 1)


def build_bars(brand_ids: Collection[Any] | None, first: date, day_count: int, at: datetime) -> tuple[list[Bar], bool]:
    """Return the bars of the brands' promotions (of all brands for None) without archived ones, the earliest first.

    The second value tells whether there are more than ``MAX_ROWS``.
    """
    start = datetime(first.year, first.month, 1, tzinfo=UTC)
    end = start + timedelta(days=day_count)
    promotions = list_between(brand_ids=brand_ids, start=start - MAX_UTC_OFFSET, end=end + MAX_UTC_OFFSET)
    bars = [bar for promotion in promotions[: MAX_ROWS + 1] if (bar := _bar(promotion, first, day_count, at))]
    return bars[:MAX_ROWS], len(bars) > MAX_ROWS


def _bar(promotion: Promotion, first: date, day_count: int, at: datetime) -> Bar | None:
    zone = ZoneInfo(promotion.brand.timezone)
    first_day = promotion.start_date.astimezone(zone).date()
    last_day = (promotion.end_date - timedelta(microseconds=1)).astimezone(zone).date()
    start, stop = (first_day - first).days + 1, (last_day - first).days + 2
    if stop <= 1 or start > day_count:
        return None
    dates = format_date(first_day) if first_day == last_day else format_date_range(first_day, last_day)
    status = promotion.status_at(at)
    return Bar(promotion, max(1, start), min(day_count + 1, stop), COLORS[status], status, dates, stop > day_count + 1)
