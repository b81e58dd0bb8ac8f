"""What the pages show of uses. Nothing here counts the whole table: each question ends at a cap, a window or a page."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from backoffice.base.formatting import local_date, local_midnight
from core import db, ids
from discounts.models import DiscountCode, Usage, UsageReturn

LIST_CAP = 10_000
PAGE_CAP = 1_000_000
CHUNK = 2_000
MAX_RESERVATION = timedelta(hours=2)  # a use's id is as old as its hold, which lasts an hour at most
DAYS = 30
CACHE_SECONDS = 300  # seconds that the counts of finished days are kept


@dataclass(frozen=True, slots=True)
class RedemptionQuery:
    """Which uses: of these brands (all with None), perhaps of one code, of one customer, between two instants."""

    brands: Sequence[uuid.UUID] | None
    code: int | None = None
    customer: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def floor(self) -> uuid.UUID | None:
        """No use that is wanted has a smaller id."""
        return ids.min_uuid7_at(self.since - MAX_RESERVATION) if self.since else None


def count_by_code(codes: Collection[int]) -> dict[int, dict[str, Any]]:
    """For each code ``{"uses", "planned", "sent"}``, each up to ``LIST_CAP`` + 1; one query."""
    params = {"codes": list(codes), "cap": LIST_CAP}
    return {row["id"]: row for row in db.fetch_all("discounts/sql/select_code_counts.sql", params)}


@dataclass(slots=True)
class DailyStatistics:
    """Uses by day, and by day and currency what they took off."""

    uses: Counter[date] = field(default_factory=Counter)
    discount: dict[date, Counter[str]] = field(default_factory=dict)

    def discount_since(self, day: date) -> Counter[str]:
        """What was taken off from this day on, by currency."""
        return sum((sums for its, sums in self.discount.items() if its >= day), Counter())


def by_day(
    *, brands: Sequence[uuid.UUID] | None = None, code: int | None = None, zone: str, at: datetime
) -> DailyStatistics:
    """The final uses of the last ``DAYS`` days in a time zone: today as it is, finished days as of some minutes ago."""
    day = local_date(at, zone)
    name = f"uses:{code or '.'.join(sorted(str(brand) for brand in brands or ())) or 'all'}:{zone}:{day}"
    days = DailyStatistics()
    start = local_midnight(day, zone)
    first = local_midnight(day - timedelta(days=DAYS - 1), zone)
    past = cache.get(name)
    if past is None:
        past = _grouped(RedemptionQuery(brands, code, None, first, start), zone)
        cache.set(name, past, CACHE_SECONDS)
    for its, currency, uses, discount in [*past, *_grouped(RedemptionQuery(brands, code, None, start), zone)]:
        days.uses[its] += uses
        if currency:
            days.discount.setdefault(its, Counter())[currency] += discount or 0
    return days


def _grouped(question: RedemptionQuery, zone: str) -> list[tuple[date, str | None, int, int | None]]:
    rows = _final(question).annotate(day=TruncDate("redeemed_at", tzinfo=ZoneInfo(zone)))
    grouped = rows.values_list("day", "currency").annotate(uses=Count("pk"), given=Sum("discount_amount"))
    return list(grouped.order_by("day"))


def _final(question: RedemptionQuery) -> QuerySet[Usage]:
    wanted = Q(reserved_until=None)
    if question.code is not None:
        wanted &= Q(code_id=question.code)
    elif question.brands is not None:
        wanted &= Q(code__brand_id__in=question.brands)
    if question.since:
        wanted &= Q(redeemed_at__gte=question.since, pk__gte=question.floor)
    if question.until:
        wanted &= Q(redeemed_at__lt=question.until)
    return Usage.objects.filter(wanted)


def totals(code: DiscountCode) -> tuple[int, Counter[str]]:
    """A code's final uses, up to ``PAGE_CAP``, and what they took off by currency."""
    rows = db.fetch_all("discounts/sql/select_code_totals.sql", {"code": code.pk, "cap": PAGE_CAP})
    discount = Counter({row["currency"]: row["given"] for row in rows if row["currency"]})
    return sum(row["uses"] for row in rows), discount


def reserved(code: DiscountCode, at: datetime) -> int:
    """How many uses checkouts hold now."""
    return Usage.objects.filter(
        code_id=code.pk, reserved_until__gt=at, pk__gte=ids.min_uuid7_at(at - MAX_RESERVATION)
    ).count()


def returned(code: DiscountCode) -> int:
    """How many uses were given back, up to ``LIST_CAP`` + 1."""
    return len(UsageReturn.objects.filter(code_id=code.pk).values_list("pk")[: LIST_CAP + 1])


def recent(question: RedemptionQuery, *, before: uuid.UUID | None = None, limit: int) -> list[db.Row]:
    """The newest uses (older than the one ``before``), the newest first."""
    return db.fetch_all(
        "discounts/sql/select_recent_redemptions.sql",
        {
            "brands": list(question.brands or ()), "code": question.code, "customer": question.customer,
            "since": question.since, "until": question.until, "floor": question.floor,
            "before": before, "limit": limit,
        },
    )  # fmt: skip


def iter_all(question: RedemptionQuery) -> Iterator[Usage]:
    """Every use, code by code and the older first, read in chunks by key: memory does not grow with their number."""
    codes = DiscountCode.objects.filter(brand_id__in=question.brands or ()).select_related("brand").order_by("pk")
    for code in codes.filter(pk=question.code) if question.code is not None else codes.iterator(CHUNK):
        yield from _of_code(code, question)


def _of_code(code: DiscountCode, question: RedemptionQuery) -> Iterator[Usage]:
    wanted = Q(code_id=code.pk)
    if question.customer is not None:
        wanted &= Q(customer_id=question.customer)
    if question.since:
        wanted &= Q(redeemed_at__gte=question.since, pk__gte=question.floor)
    if question.until:
        wanted &= Q(redeemed_at__lt=question.until)
    rows, last = Usage.objects.filter(wanted).select_related("customer").order_by("pk"), uuid.UUID(int=0)
    while True:
        chunk = list(rows.filter(pk__gt=last)[:CHUNK])
        for use in chunk:
            use.code = code
            yield use
        if len(chunk) < CHUNK:
            return
        last = chunk[-1].pk
