"""What pages of the admin share: time and money in words, charts, filters, refusals as field errors, CSV."""

import csv
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from unfold.views import ChangeList
from unfold.widgets import DATETIME_CLASSES

from backoffice.base.admin import list_brand_ids
from core import datetimes, money
from core.errors import DomainError
from core.permissions import BrandPermissions

EMPTY_VALUE = "\N{EN DASH}"


# --- time and money as people read them ------------------------------------------------------------------------------
def format_datetime(instant: datetime | None, zone: str) -> str:
    """An instant in a time zone (``21 Nov 2026, 14:05``); a dash for none."""
    return f"{instant.astimezone(zoneinfo.ZoneInfo(zone)):%-d %b %Y, %H:%M}" if instant else EMPTY_VALUE


def local_date(at: datetime, zone: str) -> date:
    """The calendar day of an instant in a time zone."""
    return at.astimezone(zoneinfo.ZoneInfo(zone)).date()


def local_midnight(day: date, zone: str) -> datetime:
    """The first instant of a day in a time zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zoneinfo.ZoneInfo(zone))


def format_amount(minor: int | None, currency: str | None) -> str:
    """Minor units as a person reads them; a dash for none."""
    return EMPTY_VALUE if minor is None or not currency else money.format_currency(minor, currency)


def format_totals(by_currency: Mapping[str, int]) -> str:
    """Several currencies' sums beside each other."""
    shown = [money.format_currency(minor, currency) for currency, minor in sorted(by_currency.items()) if minor]
    return " + ".join(shown) or EMPTY_VALUE


def format_capped_count(number: int, cap: int) -> str:
    """A number that was counted no further than ``cap``."""
    return f"{cap:,}+" if number > cap else f"{number:,}"


def humanize_pair(name: str, value: object) -> str:
    """A name and a plain value (lists and mappings too) as words instead of as data."""
    return f"{name.replace('_', ' ')}: {humanize_value(value)}"


def humanize_value(value: object) -> str:
    """A plain value in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {humanize_value(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(humanize_value(part) for part in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


# --- charts ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Bar:
    """One day (or hour, week, month) of a chart, in the units of its drawing."""

    x: float
    y: float
    height: float
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars to be drawn by ``admin/chart.html``; ``summary`` says the same in words."""

    bars: Sequence[Bar]
    thickness: float
    width: float
    top: int
    ticks: Sequence[tuple[float, str]]
    summary: str

    @property
    def highest(self) -> str:
        """``top``, short enough to stand beside the chart."""
        for unit, letter in ((1_000_000, "M"), (1_000, "k")):
            if self.top >= 10 * unit:
                return f"{self.top // unit:,} {letter}"
        return str(self.top)

    HEIGHT = 120
    SLOT = 20.0
    BAR = 0.7  # of its slot
    WIDEST = 40 * SLOT


def chart(values: Mapping[date, int], *, last: date, days: int, what: str) -> Chart:
    """A bar for each of the last ``days`` days to ``last``; ``what`` is counted."""
    span = [last - timedelta(days=back) for back in reversed(range(days))]
    return bars([(f"{day:%-d %b}", values.get(day, 0)) for day in span], what=what, when=f"in the last {days} days")


def bars(values: Sequence[tuple[str, int]], *, what: str, when: str) -> Chart:
    """A bar for each label and number; ``what`` is counted, ``when`` says in which time. The more bars, the thinner."""
    slot = min(Chart.SLOT, Chart.WIDEST / max(1, len(values)))
    top = max([value for _, value in values] + [1])
    drawn = [
        Bar(
            x=round(number * slot + slot * (1 - Chart.BAR) / 2, 2),
            y=round(Chart.HEIGHT * (1 - value / top), 1),
            height=round(Chart.HEIGHT * value / top, 1),
            label=label,
            value=value,
        )
        for number, (label, value) in enumerate(values)
    ]
    total = sum(bar.value for bar in drawn)
    summary = f"{total:,} {what} {when}"
    if total:
        busiest = max(drawn, key=lambda bar: bar.value)
        summary += f"; most on {busiest.label}: {busiest.value:,}"
    ticks = [(bar.x + slot * Chart.BAR / 2, bar.label) for bar in drawn[:: max(1, len(drawn) // 5)]]
    return Chart(drawn, round(slot * Chart.BAR, 2), max(len(drawn) * slot, Chart.SLOT), top, ticks, summary)


# --- forms -----------------------------------------------------------------------------------------------------------
class DateTimePicker(forms.DateTimeInput):
    """The browser's own picker, in the active time zone; ``day`` for a day without a time."""

    def __init__(self, *, day: bool = False) -> None:
        super().__init__(format="%Y-%m-%d" if day else "%Y-%m-%dT%H:%M", attrs={"class": " ".join(DATETIME_CLASSES)})
        self.input_type = "date" if day else "datetime-local"


class AwareDateTimeFormField(forms.DateTimeField):
    """An instant that is chosen in the active time zone: where clocks go back the first of two, as the API takes days;
    none that they leave out.
    """

    def __init__(self, *, widget: forms.Widget | None = None, **options: Any) -> None:
        super().__init__(widget=widget or DateTimePicker(), **options)

    def to_python(self, value: Any) -> datetime | None:
        try:
            moment = super().to_python(value)
        except forms.ValidationError as error:
            if error.code != "ambiguous_timezone" or not error.params:
                raise
            picked: datetime = error.params["datetime"]
            moment = picked.replace(tzinfo=timezone.get_current_timezone()).astimezone(UTC)
            if timezone.make_naive(moment) != picked:
                raise
        if moment is not None and not datetimes.is_supported_datetime(moment):
            raise forms.ValidationError(datetimes.UNSUPPORTED_MESSAGE, code="invalid")
        return moment


def keep_untouched(wanted: datetime, before: datetime | None, *, seconds: bool = False) -> datetime:
    """A picked instant; what was not touched stays as it is, though pickers show less: no microseconds, some no
    ``seconds``, and none which of two hours is meant when clocks go back.
    """
    if before is None:
        return wanted
    shown = timezone.make_naive(before).replace(microsecond=0)
    return before if timezone.make_naive(wanted) == (shown if seconds else shown.replace(second=0)) else wanted


class DateFormField(forms.DateField):
    """A day of the calendar."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=DateTimePicker(day=True), **options)

    def to_python(self, value: Any) -> date | None:
        day = super().to_python(value)
        if day is not None and not datetimes.is_supported_date(day):
            raise forms.ValidationError(datetimes.UNSUPPORTED_MESSAGE, code="invalid")
        return day


def add_service_errors(form: forms.BaseForm, refusal: DomainError, fields: Mapping[str, str], otherwise: str) -> None:
    """Show a refusal at the fields that it speaks of (``fields`` translates its names), else at ``otherwise``."""
    faults = refusal.errors or [{"field": "", "detail": refusal.detail}]
    for fault in faults:
        name = fields.get(fault["field"], otherwise)
        form.add_error(name if name in form.fields else None, fault["detail"])


# --- lists -----------------------------------------------------------------------------------------------------------
class BrandFilter(admin.SimpleListFilter):
    """By brand, for those who work for several."""

    title, parameter_name = "brand", "brand"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        related: Any = model_admin.model._meta.get_field("brand").related_model  # noqa: SLF001
        brands, rows = list_brand_ids(request, BrandPermissions.READ), related.objects.order_by("name")
        found = list(rows if brands is None else rows.filter(pk__in=brands))
        return [(brand.slug, brand.name) for brand in found] if len(found) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(brand__slug=self.value()) if self.value() else queryset


class AnnotatedChangeList(ChangeList):
    """A page of rows that asks for its numbers once for all of them, whatever the page's length."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: list[Any] = list(self.result_list)
        self.count(self.result_list)

    def count(self, rows: list[Any]) -> None:
        """Give each row its numbers."""
        raise NotImplementedError


def has_multiple_brands(request: HttpRequest) -> bool:
    """Whether lists should say of which brand each row is."""
    brands = list_brand_ids(request, BrandPermissions.READ)
    return brands is None or len(brands) > 1


# --- CSV -------------------------------------------------------------------------------------------------------------
class _Echo:
    def write(self, value: str) -> str:
        return value


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def csv_response(
    name: str, header: Sequence[str], rows: Iterable[Sequence[object]], *, marked: bool = True
) -> StreamingHttpResponse:
    """A file that is written while its rows are read, so that its length does not matter; ``marked`` as UTF-8 for
    spreadsheets.
    """
    writer = csv.writer(_Echo())

    def lines() -> Iterator[str]:
        yield ("\N{ZERO WIDTH NO-BREAK SPACE}" if marked else "") + str(writer.writerow(header))
        for row in rows:
            yield str(writer.writerow([_cell(value) for value in row]))

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
