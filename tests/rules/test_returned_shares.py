"""What is returned gives its share of the discount back at once: to budgets and out of every report."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.rules.api import KINDS, Shop, amount, line, percent

pytestmark = pytest.mark.django_db
HALF = percent("50")
THREE = [line(number, "10.00") for number in (1, 2, 3)]


@pytest.mark.parametrize("kind", KINDS)
def test_returned_lines_free_their_part_of_the_budget(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, HALF, budget="20.00")
    order = shop.buy(offer, "u1", lines=THREE)

    shop.refund(order, "1", "2")

    assert shop.get(offer.path)["budget_left"] == "15.00"
    assert shop.discount(offer, "u2", lines=[line(1, "20.00")]) == "10.00"
    assert shop.reserve(offer, "u3", lines=[line(1, "30.02")], expect=409)["code"] == "budget_exhausted"


@pytest.mark.parametrize("kind", ["promotion", "coupon"])
def test_returned_lines_free_their_part_of_a_customers_maximum(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, HALF, max_per_customer="15.00")
    order = shop.buy(offer, "u1", lines=THREE)
    assert shop.reasons(offer, "u1") == ["usage_limit_per_customer"]

    shop.refund(order, "1")

    assert shop.discount(offer, "u1", lines=[line(1, "10.00")]) == "5.00"


def test_the_report_of_a_coupon_leaves_out_what_came_back(shop: Shop) -> None:
    coupon = shop.create("coupon", amount("2.00"))
    order = shop.buy(coupon, lines=[line(1, "10.00"), line(2, "10.00")])

    shop.refund(order, "1")

    assert shop.get(f"{coupon.path}report/", unit="day")["buckets"][-1]["discount_total"] == "1.00"
    assert shop.get("coupons/report/", unit="day", code="CODE")["buckets"][-1]["discount_total"] == "1.00"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parts", [["1"], [{"id": "1", "quantity": 1}], [{"id": "1", "amount": "10.00"}]])
def test_results_follow_each_part_that_comes_back(kind: str, parts: list[Any], shop: Shop) -> None:
    offer = shop.create(kind, HALF)
    order = shop.buy(offer, lines=THREE)

    shop.refund(order, *parts)

    expected = {"gross": "30.00", "discount": "15.00", "net": "15.00", "returned_discount": "5.00"}
    assert shop.get(offer.path)["results"]["amounts"]["EUR"] == expected
    assert shop.get("results/", offer=offer.id, unit="day")["totals"]["amounts"]["EUR"] == expected
    found = shop.get("redemptions/", order=order["order"])["results"][0]
    assert found["status"] == "partially_returned"


@pytest.mark.parametrize(
    ("currency", "price", "off", "free"),
    [
        ("JPY", "1000", "100", ["33", "66", "100"]),
        ("EUR", "3.33", "1.00", ["0.33", "0.66", "1.00"]),
        ("KWD", "1.000", "1.000", ["0.333", "0.666", "1.000"]),
    ],
)
def test_shares_of_every_currency_come_back_to_the_minor_unit(
    currency: str, price: str, off: str, free: list[str], create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(currency=currency)
    offer = shop.create("promotion", amount(off), budget=off)
    order = shop.buy(offer, lines=[line(number, price) for number in (1, 2, 3)])

    left = []
    for number in ("3", "2", "1"):
        shop.refund(order, number)
        left.append(shop.get(offer.path)["budget_left"])

    assert left == free  # the first line has the remaining minor unit


def test_an_amended_order_gives_back_the_share_of_a_line_that_is_left_out(shop: Shop) -> None:
    offer = shop.create("promotion", HALF, budget="20.00")
    order = shop.buy(offer, lines=THREE)

    shop.amend(order, THREE[0])

    assert shop.get(offer.path)["budget_left"] == "15.00"
    assert shop.get(offer.path)["results"]["amounts"]["EUR"]["discount"] == "5.00"


def test_shipping_that_comes_back_frees_its_part_of_the_budget(shop: Shop) -> None:
    offer = shop.create("promotion", percent("100", on="shipping"), budget="10.00")
    order = shop.buy(offer, lines=THREE, shipping="8.00")
    assert shop.get(offer.path)["budget_left"] == "2.00"

    shop.refund(order, "1", shipping=True)

    assert shop.get(offer.path)["budget_left"] == "10.00"
