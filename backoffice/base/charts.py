"""Bar charts of the admin's pages."""

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars for ``admin/backoffice/chart.html``, and a summary of them for those who do not see the drawing."""

    bars: Sequence[Bar]
    thickness: float
    width: float
    top: int
    ticks: Sequence[tuple[float, str]]
    summary: str

    @property
    def top_label(self) -> str:
        """The value at the top of the chart, short enough to stand beside it."""
        for unit, letter in ((1_000_000, "M"), (1_000, "k")):
            if self.top >= 10 * unit:
                return f"{format_number(self.top // unit)}{letter}"
        return str(self.top)

    HEIGHT = 120
    SLOT_WIDTH = 20.0
    BAR_SHARE = 0.7  # of its slot
    MAX_WIDTH = 40 * SLOT_WIDTH


def build_daily_chart(values: Mapping[date, int], *, last: date, days: int, unit: str) -> Chart:
    """Return a chart with a bar for each of the last ``days`` days to ``last``; ``unit`` names what is counted."""
    span = [last - timedelta(days=back) for back in reversed(range(days))]
    period = ngettext("in the last day", "in the last %(days)s days", days) % {"days": days}
    return build_chart(
        [(formats.date_format(day, "j M"), values.get(day, 0)) for day in span], unit=unit, period=period
    )


def build_chart(values: Sequence[tuple[str, int]], *, unit: str, period: str = "") -> Chart:
    """Return a chart with a bar for each label and number.

    ``unit`` names what is counted ("redemptions"), ``period`` when ("in the last 30 days"). More bars are thinner bars.
    """
    slot = min(Chart.SLOT_WIDTH, Chart.MAX_WIDTH / max(1, len(values)))
    top = max([value for _label, value in values] + [1])
    bars = [
        Bar(
            x=round(number * slot + slot * (1 - Chart.BAR_SHARE) / 2, 2),
            y=round(Chart.HEIGHT * (1 - value / top), 1),
            height=round(Chart.HEIGHT * value / top, 1),
            label=label,
            value=value,
        )
        for number, (label, value) in enumerate(values)
    ]
    ticks = [(bar.x + slot * Chart.BAR_SHARE / 2, bar.label) for bar in bars[:: max(1, len(bars) // 5)]]
    width = max(len(bars) * slot, Chart.SLOT_WIDTH)
    return Chart(bars, round(slot * Chart.BAR_SHARE, 2), width, top, ticks, _summarize(bars, unit, period))


def _summarize(bars: Sequence[Bar], unit: str, period: str) -> str:
    texts = {"count": format_number(sum(bar.value for bar in bars)), "unit": unit, "period": period}
    if not any(bar.value for bar in bars):
        return (_("%(count)s %(unit)s %(period)s") % texts).strip()
    peak = max(bars, key=lambda bar: bar.value)
    texts |= {"label": peak.label, "value": format_number(peak.value)}
    if not period:
        return _("%(count)s %(unit)s, most at %(label)s: %(value)s") % texts
    return _("%(count)s %(unit)s %(period)s, most on %(label)s: %(value)s") % texts
