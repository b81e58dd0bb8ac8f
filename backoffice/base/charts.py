"""Bar charts of the admin's pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.base.formatting import format_number


@dataclass(frozen=True, slots=True)
class Bar:
    """One day (or hour, week, month) of a chart, in the units of its drawing."""

    x: float
    y: float
    height: float
    label: str
    value: int
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars for ``admin/backoffice/chart.html``, and a summary of them for those who do not see the drawing."""

    bars: Sequence[Bar]
    thickness: float
    width: float
    baseline: float
    top_label: str
    bottom_label: str
    ticks: Sequence[tuple[float, str]]
    summary: str

    HEIGHT = 120
    LABEL_HEIGHT = 12
    SLOT_WIDTH = 20.0
    BAR_SHARE = 0.7  # of its slot
    MAX_WIDTH = 40 * SLOT_WIDTH


def build_daily_chart(values: Mapping[date, int], *, last: date, days: int, describe: Callable[[int], str]) -> Chart:
    """Return a chart with a bar for each of the last ``days`` days to ``last``; see ``build_chart``."""
    span = [last - timedelta(days=back) for back in reversed(range(days))]
    period = ngettext("in the last day", "in the last %(days)s days", days) % {"days": days}
    return build_chart(
        [(formats.date_format(day, "j M"), values.get(day, 0)) for day in span], describe=describe, period=period
    )


def build_chart(
    values: Sequence[tuple[str, int]],
    *,
    describe: Callable[[int], str],
    period: str = "",
    by_time: bool = False,
    format_value: Callable[[int], str] = format_number,
    scale: int = 1,
) -> Chart:
    """Return a chart with a bar for each label and number, down from the baseline if it is negative.

    More bars are thinner bars.

    ``describe`` returns the sum as text ("2 redemptions"), ``period`` states when ("in the last 30 days"), and
    ``by_time`` that the labels are times of day. Amounts in minor units have their own ``format_value``, and the
    ``scale`` by which the label of the axis is divided.
    """
    slot = min(Chart.SLOT_WIDTH, Chart.MAX_WIDTH / max(1, len(values)))
    numbers = [value for _label, value in values]
    top, bottom = max([1, *numbers]), min([0, *numbers])
    unit = Chart.HEIGHT / (top - bottom)
    baseline = round(top * unit, 1)
    bars = [
        Bar(
            x=round(number * slot + slot * (1 - Chart.BAR_SHARE) / 2, 2),
            y=round((top - max(value, 0)) * unit, 1),
            height=round(abs(value) * unit, 1),
            label=label,
            value=value,
            text=format_value(value),
        )
        for number, (label, value) in enumerate(values)
    ]
    ticks = [(bar.x + slot * Chart.BAR_SHARE / 2, bar.label) for bar in bars[:: max(1, len(bars) // 5)]]
    return Chart(
        bars=bars,
        thickness=round(slot * Chart.BAR_SHARE, 2),
        width=max(len(bars) * slot, Chart.SLOT_WIDTH),
        baseline=baseline,
        top_label=_abbreviate(-(-top // scale)),
        bottom_label=_abbreviate(bottom // scale) if Chart.HEIGHT - baseline >= Chart.LABEL_HEIGHT else "",
        ticks=ticks,
        summary=_summarize(bars, describe, period, by_time=by_time),
    )


def describe_redemptions(count: int) -> str:
    """Return a number of redemptions as text."""
    return ngettext("%(count)s redemption", "%(count)s redemptions", count) % {"count": format_number(count)}


def _abbreviate(number: int) -> str:
    """Return a number that is short enough to stand beside the chart (``12k``)."""
    if number < 0:
        return f"-{_abbreviate(-number)}"
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= 10 * unit:
            return f"{format_number(number // unit)}{letter}"
    return str(number)


def _summarize(bars: Sequence[Bar], describe: Callable[[int], str], period: str, *, by_time: bool) -> str:
    total = f"{describe(sum(bar.value for bar in bars))} {period}".strip()
    if not any(bar.value for bar in bars):
        return total
    peak = max(bars, key=lambda bar: bar.value)
    text = _("%(total)s, most at %(label)s: %(value)s") if by_time else _("%(total)s, most on %(label)s: %(value)s")
    return text % {"total": total, "label": peak.label, "value": peak.text}
