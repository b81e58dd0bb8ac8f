"""The charts of a backtest sum up to the figures above them, for long periods and discounts below zero, too."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from checkout.models import Backtest
from tests.factories import MembershipFactory, PromotionFactory
from tests.rules.api import Shop, line, percent

pytestmark = pytest.mark.django_db
PAGES = "/admin/checkout/backtest/"
NOW = datetime(2027, 11, 30, 12, tzinfo=UTC)


def place_orders(shop: Shop, *days_ago: int, **cart: Any) -> None:
    for days in days_ago:
        with time_machine.travel(NOW - timedelta(days=days, hours=1), tick=False):
            shop.buy(None, f"u{days}", **cart)


def read_backtest(
    shop: Shop, run_outbox: Callable[[], int], *, days: int, offer: dict[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Backtest an offer over the last days. Return the figures of the page, and the sums of its charts, by name."""
    editor = Client()
    with time_machine.travel(NOW, tick=False):
        editor.force_login(MembershipFactory(brand=shop.brand).user)
        draft = PromotionFactory(brand=shop.brand, decision="draft", offer=offer)
        form = {"promotion": str(draft.pk), "first": (NOW - timedelta(days=days)).date(), "last": NOW.date()}
        created = editor.post(f"{PAGES}add/", form)
        assert created.status_code == 302, created.context["form"].errors
        run_outbox()
        context = editor.get(f"{PAGES}{Backtest.objects.get().pk}/change/").context
    figures = {str(name): value for name, value, _note in context["cards"]}
    return figures, {name: chart.summary.partition(" in ")[0] for name, chart in context["charts"]}


@pytest.mark.parametrize("days", [0, 1, 91, 92, 93, 200, 364])
def test_the_charts_cover_the_whole_period(days: int, shop: Shop, run_outbox: Callable[[], int]) -> None:
    place_orders(shop, *sorted({days, 0}, reverse=True), lines=[line(1, "100.00")])

    figures, sums = read_backtest(shop, run_outbox, days=days, offer=percent("10"))

    orders = 2 if days else 1
    assert (figures["Orders affected"], figures["Additional discount"]) == (str(orders), f"€{orders * 10}.00")
    assert sums["Orders affected"] == f"{orders} order{'s' if orders > 1 else ''}"
    assert sums["Additional discount (EUR)"] == figures["Additional discount"]


def test_a_day_on_which_less_is_given_counts_below_zero(shop: Shop, run_outbox: Callable[[], int]) -> None:
    place_orders(shop, 2, lines=[line(1, "100.00")])
    body = {"name": "x", "trigger": "automatic", "start_date": "2027-11-29", "end_date": "2099-01-01"}
    with time_machine.travel(NOW - timedelta(days=3), tick=False):
        shop.send("post", "promotions/", body | {"offer": percent("40")}, expect=201)
    place_orders(shop, 1, 0, lines=[line(1, "100.00")])

    figures, sums = read_backtest(shop, run_outbox, days=3, offer=percent("25") | {"exclusive": True})

    assert figures["Projected cost"] == "€75.00"
    assert figures["Additional discount"] == "-€5.00"  # 25.00 on the first day, and 15.00 less on each of two
    assert sums["Additional discount (EUR)"] == figures["Additional discount"]


@pytest.mark.parametrize(("currency", "price", "extra"), [("JPY", "1005", "¥101"), ("KWD", "1.005", "0.101")])
def test_each_currency_has_a_chart_with_its_sum(
    currency: str, price: str, extra: str, shop: Shop, run_outbox: Callable[[], int]
) -> None:
    place_orders(shop, 1, lines=[line(1, "100.00")])
    place_orders(shop, 0, currency=currency, lines=[line(1, price)])

    figures, sums = read_backtest(shop, run_outbox, days=5, offer=percent("10"))

    own = sums[f"Additional discount ({currency})"]
    assert own.endswith(extra)
    assert sums["Additional discount (EUR)"] == "€10.00"
    assert own in figures["Additional discount"]
    assert "€10.00" in figures["Additional discount"]
