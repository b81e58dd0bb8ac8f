"""A goodwill code keeps what a small cart leaves of it: orders draw the balance down, and returns fill it up."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.rules.api import Shop, amount, line

pytestmark = pytest.mark.django_db
KINDS = ("promotion", "coupon")
KEEPS = amount("15.00", keep_balance=True)
TEN: dict[str, Any] = {"lines": [line(1, "10.00")]}


def left(shop: Shop, code: str = "CODE") -> str:
    return str(shop.get(f"codes/{code}/")["balance"]["left"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_leaves_the_rest_and_a_refund_fills_it_up(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, KEEPS)

    order = shop.buy(offer, **TEN)

    assert (order["quote"]["discount_total"], left(shop)) == ("10.00", "5.00")
    assert shop.discount(offer, **TEN) == "5.00"
    shop.refund(order)
    assert left(shop) == "15.00"
    assert shop.discount(offer, **TEN) == "10.00"


@pytest.mark.parametrize("kind", KINDS)
def test_a_balance_is_never_given_twice(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, KEEPS)
    first = shop.reserve(offer, "u1", **TEN)
    second = shop.reserve(offer, "u2", **TEN)

    assert [each["quote"]["discount_total"] for each in (first, second)] == ["10.00", "5.00"]
    assert shop.reserve(offer, "u3", expect=409, **TEN)["code"] == "code_already_used"
    shop.cancel(first)
    assert left(shop) == "10.00"


@pytest.mark.parametrize(
    ("currency", "value", "price", "rest"),
    [("JPY", "1500", "1001", "499"), ("KWD", "1.500", "1.001", "0.499"), ("EUR", "15.00", "10.01", "4.99")],
)
def test_a_balance_has_the_decimals_of_its_currency(
    currency: str, value: str, price: str, rest: str, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(currency=currency)
    offer = shop.create("promotion", amount(value, keep_balance=True))
    order = shop.buy(offer, lines=[line(1, price)])

    assert left(shop) == rest
    other = {"JPY": "EUR"}.get(currency, "JPY")
    mismatch = shop.reserve(offer, "u2", expect=409, currency=other, lines=[line(1, "100")])
    assert mismatch["code"] == "currency_mismatch"
    shop.refund(order)
    assert left(shop) == value


@pytest.mark.parametrize("parts", [["1"], [{"id": "1", "quantity": 1}]])
def test_each_part_that_comes_back_fills_its_share_up(parts: list[Any], shop: Shop) -> None:
    offer = shop.create("promotion", KEEPS)
    order = shop.buy(offer, lines=[line(1, "4.00"), line(2, "8.00")])
    assert left(shop) == "3.00"

    shop.refund(order, *parts)

    assert left(shop) == "7.00"


def test_an_amendment_draws_and_returns_the_difference(shop: Shop) -> None:
    order = shop.buy(shop.create("promotion", KEEPS), **TEN)
    seen = []
    for price in ("12.00", "30.00", "1.00"):
        shop.amend(order, line(1, price))
        seen.append(left(shop))

    assert seen == ["3.00", "0.00", "14.00"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_code_of_a_batch_has_a_balance_of_its_own(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, KEEPS)
    file = b"code,balance\nKX7P2M1Q9RTHW,20.00\nQ9RTHWKX7P2M1,\nM1Q9RTHWKX7P2,2.50\n"
    assert shop.import_file(offer, file)["imported"] == 3

    shop.buy(codes=["KX7P2M1Q9RTHW"], lines=[line(1, "12.00")])

    codes = ("KX7P2M1Q9RTHW", "Q9RTHWKX7P2M1", "M1Q9RTHWKX7P2")
    assert [left(shop, code) for code in codes] == ["8.00", "15.00", "2.50"]


def test_the_movements_tell_where_the_balance_went(shop: Shop) -> None:
    offer = shop.create("promotion", KEEPS)
    order = shop.buy(offer, lines=[line(1, "10.00")])
    shop.refund(order)

    movements = shop.get("codes/CODE/movements/")["results"]

    assert [(each["reason"], each["amount"], each["balance"]) for each in movements] == [
        ("returned", "10.00", "15.00"),
        ("reserved", "-10.00", "5.00"),
    ]
