"""Statistics of redemptions. No query scans the whole table: each ends at a cap, a time window or a page."""

import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from backoffice.base.formatting import local_date
from core import db, ids
from core.periods import start_of_day
from discounts.models import DiscountCode, Usage, UsageReturn
from redemptions.contracts import MAX_RESERVATION

LIST_CAP = 10_000
PAGE_CAP = 1_000_000
MAX_AGE = MAX_RESERVATION + timedelta(hours=1)  # of a reservation, which is as old as its ID
DAYS = 30
CACHE_SECONDS = 300  # for the figures of past days


@dataclass(frozen=True, slots=True)
class RedemptionQuery:
    """Filter for redemptions: brands (None for all), and optionally a code and a period."""

    brands: Sequence[uuid.UUID] | None
    code: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def min_id(self) -> uuid.UUID | None:
        """A lower bound of the IDs of all matching redemptions."""
        return ids.min_uuid7_at(self.since - MAX_AGE) if self.since else None


def count_by_code(codes: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return ``{"redemptions", "planned", "sent"}`` for each code, each up to ``LIST_CAP`` + 1. Runs one query."""
    params = {"codes": list(codes), "cap": LIST_CAP}
    return {row["id"]: row for row in db.fetch_all("discounts/sql/select_code_counts.sql", params)}


@dataclass(slots=True)
class DailyStatistics:
    """Confirmed redemptions by day, and their discounts in minor units by day and currency."""

    redemptions: Counter[date] = field(default_factory=Counter)
    discount: dict[date, Counter[str]] = field(default_factory=dict)

    def discount_since(self, first_day: date) -> Counter[str]:
        """Return the discounts from this day on, in minor units by currency."""
        return sum((totals for day, totals in self.discount.items() if day >= first_day), Counter())


def by_day(
    *, brands: Sequence[uuid.UUID] | None = None, code: int | None = None, zone: str, at: datetime
) -> DailyStatistics:
    """Return the confirmed redemptions of the last ``DAYS`` days in a time zone.

    Today is current; past days are cached for ``CACHE_SECONDS``.
    """
    today = local_date(at, zone)
    scope = code or ".".join(sorted(str(brand) for brand in brands or ())) or "all"
    cache_key = f"redemptions:{scope}:{zone}:{today}"
    start, first = (start_of_day(day, ZoneInfo(zone)) for day in (today, today - timedelta(days=DAYS - 1)))
    past = cache.get(cache_key)
    if past is None:
        past = _group_by_day(RedemptionQuery(brands, code, first, start), zone)
        cache.set(cache_key, past, CACHE_SECONDS)
    statistics = DailyStatistics()
    for day, currency, count, discount in [*past, *_group_by_day(RedemptionQuery(brands, code, start), zone)]:
        statistics.redemptions[day] += count
        if currency:
            statistics.discount.setdefault(day, Counter())[currency] += discount or 0
    return statistics


def _group_by_day(query: RedemptionQuery, zone: str) -> list[tuple[date, str | None, int, int | None]]:
    rows = _confirmed(query).annotate(day=TruncDate("redeemed_at", tzinfo=ZoneInfo(zone)))
    grouped = rows.values_list("day", "currency").annotate(
        count=Count("pk"), discount=Sum(F("discount_amount") - F("returned_amount"))
    )
    return list(grouped.order_by("day"))


def _confirmed(query: RedemptionQuery) -> QuerySet[Usage]:
    condition = Q(reserved_until=None) & _in_period(query)
    if query.code is not None:
        condition &= Q(code_id=query.code)
    elif query.brands is not None:
        condition &= Q(code__brand_id__in=query.brands)
    return Usage.objects.filter(condition)


def _in_period(query: RedemptionQuery) -> Q:
    condition = Q()
    if query.since:
        condition &= Q(redeemed_at__gte=query.since, pk__gte=query.min_id)
    if query.until:
        condition &= Q(redeemed_at__lt=query.until)
    return condition


def totals(code: DiscountCode) -> tuple[int, Counter[str]]:
    """Return the confirmed redemptions of a code, up to ``PAGE_CAP``, and their discounts by currency."""
    rows = db.fetch_all("discounts/sql/select_code_totals.sql", {"code": code.pk, "cap": PAGE_CAP})
    discount = Counter({row["currency"]: row["discount"] for row in rows if row["currency"]})
    return sum(row["redemptions"] for row in rows), discount


def reserved(code: DiscountCode, at: datetime) -> int:
    """Return the number of redemptions of a code that checkouts reserve now."""
    return Usage.objects.filter(code_id=code.pk, reserved_until__gt=at, pk__gte=ids.min_uuid7_at(at - MAX_AGE)).count()


def returned(code: DiscountCode) -> int:
    """Return the number of returned redemptions of a code, up to ``LIST_CAP`` + 1."""
    return len(UsageReturn.objects.filter(code_id=code.pk).values_list("pk")[: LIST_CAP + 1])
