"""Reports of results by hour, day, week or month in any time zone, split by kind, offer, code or brand."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.utils.translation import gettext as _

from core import money
from core.datetimes import format_iso
from core.errors import InvalidRequest
from redemptions.backends import get_offer_names
from redemptions.results import rules, selectors
from redemptions.results.contracts import USES, Amounts, Grouping, ReportPeriod, ResultFilter, Results
from redemptions.results.selectors import GroupKey

MAX_GROUPS = 200
MAX_CELLS = 100_000  # periods times groups of an answer


@dataclass(frozen=True, slots=True)
class Group:
    """The results of a brand, a kind, an offer or a code: the total and by period.

    ``previous`` is None without comparison. What the group is not of is None or empty.
    """

    brand: uuid.UUID | None
    kind: str
    offer: uuid.UUID | None
    code: str | None
    name: str
    total: Results
    previous: Results | None
    periods: Sequence[Results]


@dataclass(frozen=True, slots=True)
class ResultReport:
    """Results in ``period`` by the periods that begin at ``starts``. ``groups`` has the largest groups first.

    ``group_count`` also counts the groups beyond ``MAX_GROUPS``, which are left out.
    """

    period: ReportPeriod
    compared: ReportPeriod | None
    starts: Sequence[datetime]
    whole: Group
    groups: Sequence[Group]
    group_count: int


def build_report(*, wanted: ResultFilter, period: ReportPeriod, by: Grouping | None, is_compared: bool) -> ResultReport:
    """Return the results that match, with empty periods. Times count in whole quarters of an hour.

    Raises InvalidRequest for a wrong time, for too many periods, and for codes without an offer.
    """
    if by is Grouping.CODE and wanted.offer is None:
        raise InvalidRequest.field("offer", _("Send the offer whose codes to report."))
    period = rules.align_to_quarters(period)
    starts = check_period(period)
    compared = rules.shift_to_previous(period) if is_compared else None
    found = _read(wanted, period, starts, compared, None)
    whole = found[0] if found else _Found((None, "", None, None), {}, Results(), Results() if compared else None)
    groups = _read(wanted, period, starts, compared, by) if by else []
    kept = groups[: min(MAX_GROUPS, MAX_CELLS // max(1, len(starts)))]
    if wanted.offer is not None:
        _set_customers([whole], wanted, period, starts, compared, by_code=False)
        if by is Grouping.CODE:
            _set_customers(kept, wanted, period, starts, compared, by_code=True)
    names = get_offer_names((kind, offer) for _brand, kind, offer, _code in (group.key for group in kept))
    return ResultReport(
        period=period,
        compared=compared,
        starts=starts,
        whole=_to_group(whole, starts, names),
        groups=[_to_group(group, starts, names) for group in kept],
        group_count=len(groups),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """The results of a group: by the index of their period without empty ones, the total, and of the time before."""

    key: GroupKey
    periods: dict[int, Results]
    total: Results
    previous: Results | None


def _read(
    wanted: ResultFilter,
    period: ReportPeriod,
    starts: Sequence[datetime],
    compared: ReportPeriod | None,
    by: Grouping | None,
) -> list[_Found]:
    """Return the groups that have results, the largest first."""
    now = selectors.read_results(wanted=wanted, start=period.start, end=period.end, starts=starts, by=by)
    before: Mapping[GroupKey, Mapping[int, Results]] = {}
    if compared is not None:
        before = selectors.read_results(
            wanted=wanted, start=compared.start, end=compared.end, starts=[compared.start], by=by
        )
    found = []
    for key in now.keys() | before.keys():
        periods, previous = dict(now.get(key, {})), before.get(key, {}).get(0, Results()) if compared else None
        found.append(_Found(key, periods, add_up(periods.values()), previous))
    return sorted(found, key=lambda group: (-group.total.confirmed, -group.total.rejected, str(group.key)))


def _set_customers(
    groups: Sequence[_Found],
    wanted: ResultFilter,
    period: ReportPeriod,
    starts: Sequence[datetime],
    compared: ReportPeriod | None,
    *,
    by_code: bool,
) -> None:
    """Set the customers of the groups, which are the whole offer or its codes."""
    count = partial(selectors.count_customers, wanted=wanted, by_code=by_code)
    now = count(start=period.start, end=period.end, starts=starts)
    before = count(start=compared.start, end=compared.end, starts=[compared.start]) if compared else {}
    for group in groups:
        code = group.key[-1]
        group.total.customers = now.get((code, None), 0)
        for index in range(len(starts)):
            group.periods.setdefault(index, Results()).customers = now.get((code, index), 0)
        if group.previous is not None:
            group.previous.customers = before.get((code, None), 0)


def _to_group(found: _Found, starts: Sequence[datetime], names: Mapping[uuid.UUID, str]) -> Group:
    """Return a group with its empty periods, and the name of its offer."""
    brand, kind, offer, code = found.key
    periods = [found.periods.get(index, Results()) for index in range(len(starts))]
    return Group(brand, kind, offer, code, names.get(offer, "") if offer else "", found.total, found.previous, periods)


def add_up(results: Iterable[Results]) -> Results:
    """Return the sum of results."""
    total = Results()
    for part in results:
        total.add(part)
    return total


def check_period(period: ReportPeriod) -> Sequence[datetime]:
    """Return the starts of a report's periods. Raises InvalidRequest for wrong times and too many periods."""
    for name, at in (("from", period.start), ("to", period.end)):
        if not rules.EARLIEST <= at <= rules.LATEST:
            detail = _("Enter a date between %(first)s and %(last)s.")
            raise InvalidRequest.field(name, detail % {"first": rules.EARLIEST.year, "last": rules.LATEST.year})
    if period.end < period.start:
        raise InvalidRequest.field("to", _("The end must be after the start."))
    starts = rules.list_period_starts(period)
    if starts is None:
        detail = _("The report is limited to %(count)s intervals.")
        raise InvalidRequest.field("unit", detail % {"count": f"{rules.MAX_PERIODS:,}"})
    return starts


# --- CSV --------------------------------------------------------------------------------------------------------------
COUNTS = (*USES, "rejected", "customers")
AMOUNTS = ("currency", "gross", "discount", "net", "returned_discount")
HEADER = ("start", "local", "brand", "kind", "offer", "name", "code", *COUNTS, *AMOUNTS)


def iter_lines(report: ResultReport, slugs: Mapping[uuid.UUID, str]) -> Iterator[tuple[object, ...]]:
    """Yield a line per group, period and currency as in ``HEADER``, with empty periods.

    The counts are in the first line of a period; a line of another currency has amounts only.
    """
    for group in report.groups or [report.whole]:
        offer = group.offer or ""
        identity = (slugs[group.brand] if group.brand else "", group.kind, offer, group.name, group.code or "")
        for start, results in zip(report.starts, group.periods, strict=True):
            local = start.astimezone(report.period.timezone).isoformat(timespec="minutes")
            counts: tuple[object, ...] = tuple(_or_empty(getattr(results, name)) for name in COUNTS)
            amounts = [_amount_cells(currency, results.amounts[currency]) for currency in sorted(results.amounts)]
            for cells in amounts or [("",) * len(AMOUNTS)]:
                yield (format_iso(start), local, *identity, *counts, *cells)
                counts = ("",) * len(COUNTS)


def _or_empty(count: int | None) -> object:
    return "" if count is None else count


def _amount_cells(currency: str, amounts: Amounts) -> tuple[str, ...]:
    values = (amounts.gross, amounts.discount, amounts.net, amounts.returned_discount)
    return (currency, *(money.format_decimal(minor, currency) for minor in values))
