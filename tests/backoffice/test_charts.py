"""Summaries and labels of bar charts."""

from datetime import date
from functools import partial

from backoffice.base.charts import build_chart, build_daily_chart, describe_redemptions
from backoffice.base.formatting import format_amount, format_number


def test_the_summary_of_one_redemption_is_singular() -> None:
    chart = build_daily_chart({date(2026, 11, 29): 1}, last=date(2026, 11, 29), days=30, describe=describe_redemptions)

    assert chart.summary == "1 redemption in the last 30 days, most on 29 Nov: 1"


def test_the_summary_of_a_chart_without_values_names_no_day() -> None:
    chart = build_daily_chart({}, last=date(2026, 11, 29), days=30, describe=describe_redemptions)

    assert chart.summary == "0 redemptions in the last 30 days"
    assert chart.top_label == "1"


def test_amounts_are_summed_in_minor_units_and_shown_with_their_currency() -> None:
    euros = partial(format_amount, currency="EUR")

    chart = build_chart([("1 Nov", 199), ("2 Nov", 7_712)], describe=euros, format_value=euros, scale=100)

    assert chart.summary == "€79.11, most on 2 Nov: €77.12"
    assert [bar.text for bar in chart.bars] == ["€1.99", "€77.12"]
    assert chart.top_label == "78"


def test_the_peak_of_times_is_at_a_time() -> None:
    chart = build_chart([("14:05", 3)], describe=format_number, period="in the last hour", by_time=True)

    assert chart.summary == "3 in the last hour, most at 14:05: 3"


def test_large_values_are_abbreviated_beside_the_axis() -> None:
    assert build_chart([("a", 25_300)], describe=format_number).top_label == "25k"
    assert build_chart([("a", 12_000_000)], describe=format_number).top_label == "12M"


def test_negative_values_are_bars_below_the_baseline_and_count_in_the_sum() -> None:
    chart = build_chart([("a", 30), ("b", -10), ("c", 0)], describe=format_number)

    assert [(bar.y, bar.height) for bar in chart.bars] == [(0.0, 90.0), (90.0, 30.0), (90.0, 0.0)]
    assert (chart.baseline, chart.top_label, chart.bottom_label) == (90.0, "30", "-10")
    assert chart.summary.startswith("20")


def test_a_chart_without_negative_values_stands_on_its_bottom() -> None:
    chart = build_chart([("a", 30), ("b", 0)], describe=format_number)

    assert (chart.baseline, chart.bottom_label) == (120.0, "")
