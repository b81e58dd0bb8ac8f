"""A return can name how many units of a line come back, and all returns together add up to the discount exactly."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from tests.rules.api import KINDS, Shop, amount, line, percent

pytestmark = pytest.mark.django_db
ONE_AT_HALF = percent("50", on="unit", max_units=1)


def return_units(shop: Shop, order: Any, *quantities: int) -> list[tuple[str, str]]:
    """Return units of the first line one request after another; answer the status and the discount of each."""
    answers = [shop.refund(order, {"id": "1", "quantity": quantity}) for quantity in quantities]
    return [(answer["status"], answer["refund"]["discount"]) for answer in answers]


@pytest.mark.parametrize("kind", KINDS)
def test_units_come_back_in_several_requests_and_no_more_than_there_are(kind: str, shop: Shop) -> None:
    order = shop.buy(shop.create(kind, ONE_AT_HALF), lines=[line(1, "10.00", 3)])

    (first, share), (second, rest) = return_units(shop, order, 2, 1)

    assert (first, second) == ("partially_returned", "returned")
    assert Decimal(share) + Decimal(rest) == Decimal("5.00")
    problem = shop.refund(order, {"id": "1", "quantity": 1}, expect=400)
    assert [error["field"] for error in problem["errors"]] == ["lines.0.quantity"]


@pytest.mark.parametrize("quantities", sorted(set(permutations((1, 2, 4)))))
@pytest.mark.parametrize(
    ("currency", "price", "off"), [("JPY", "100", "10"), ("EUR", "1.00", "0.10"), ("KWD", "1.000", "0.010")]
)
def test_shares_add_up_in_every_order_and_currency(
    quantities: Sequence[int], currency: str, price: str, off: str, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(currency=currency)
    order = shop.buy(shop.create("promotion", amount(off)), lines=[line(1, price, 7)])

    answers = return_units(shop, order, *quantities)

    assert sum(Decimal(discount) for _, discount in answers) == Decimal(off)
    exact = [Decimal(off) * quantity / 7 for quantity in quantities]
    minor = Decimal(off) / 10
    assert all(abs(Decimal(got) - share) <= minor for (_, got), share in zip(answers, exact, strict=True))


@pytest.mark.parametrize("quantity", [0, -1, 4, 1.5, "2", None, True])
def test_a_number_of_units_that_can_not_come_back_is_refused(quantity: Any, shop: Shop) -> None:
    order = shop.buy(shop.create("promotion", ONE_AT_HALF), lines=[line(1, "10.00", 3)])

    problem = shop.refund(order, {"id": "1", "quantity": quantity}, expect=400)

    assert [error["field"] for error in problem["errors"]] == ["lines.0.quantity"]
    assert shop.read(order)["status"] == "confirmed"


def test_units_of_several_offers_and_lines_come_back_with_all_of_their_shares(shop: Shop) -> None:
    first = shop.create("promotion", percent("10"))
    shop.create("coupon", amount("1.00"), text="EXTRA")
    order = shop.buy(first, codes=["CODE", "EXTRA"], lines=[line(1, "9.99", 3), line(2, "0.07", 7)], shipping="1.00")
    total = Decimal(order["quote"]["discount_total"])

    parts: list[list[Any]] = [
        [{"id": "1", "quantity": 1}, {"id": "2", "quantity": 3}],
        [{"id": "2", "quantity": 4}],
        [{"id": "1", "quantity": 2}],
    ]
    shares = [Decimal(shop.refund(order, *part)["refund"]["discount"]) for part in parts]
    last = shop.refund(order)

    assert sum(shares) + Decimal(last["refund"]["discount"]) == total
    assert last["status"] == "returned"


def test_the_same_line_twice_in_one_request_is_refused(shop: Shop) -> None:
    order = shop.buy(shop.create("promotion", ONE_AT_HALF), lines=[line(1, "10.00", 3)])

    problem = shop.refund(order, {"id": "1", "quantity": 2}, {"id": "1", "quantity": 2}, expect=400)

    assert problem["code"] == "invalid"
    assert shop.read(order)["refunded"] == []
