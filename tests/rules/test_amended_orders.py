"""A placed order is amended at the terms of the moment it was placed; its use stays, and the answer tells the rest."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.rules.api import KINDS, Offer, Shop, amount, line, percent

pytestmark = pytest.mark.django_db
BEFORE, ADDED = line(1, "200.00"), line(2, "20.00")


def uses_of(shop: Shop, offer: Offer) -> int:
    return int(shop.get(offer.path)["results"]["confirmed"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", ["end", "pause", "archive"])
def test_an_order_keeps_its_offer_after_the_offer_has_ended(kind: str, action: str, shop: Shop) -> None:
    offer = shop.create(kind, amount("50.00"))
    order = shop.buy(offer, lines=[BEFORE])
    shop.act(offer, action)

    codes: dict[str, Any] = {} if kind == "voucher" else {"codes": ["CODE"]}
    answer = shop.amend(order, BEFORE, ADDED, **codes)

    assert (answer["quote"]["discount_total"], answer["quote"]["total"]) == ("50.00", "170.00")
    assert answer["difference"] == {
        "previous_total": "150.00", "subtotal": "20.00", "discount_total": "0.00", "total": "20.00",
    }  # fmt: skip
    assert uses_of(shop, offer) == 1


def test_an_order_keeps_the_terms_of_its_offer_after_they_have_changed(shop: Shop) -> None:
    offer = shop.create("discount_code", percent("10"))
    order = shop.buy(offer, lines=[BEFORE])
    shop.act(offer, "archive")
    shop.create("discount_code", percent("50"))

    assert shop.amend(order, BEFORE, ADDED)["quote"]["discount_total"] == "22.00"
    assert shop.amend(order, BEFORE, ADDED, codes=["CODE"])["quote"]["discount_total"] == "22.00"


def test_an_amended_order_stays_the_first_of_its_customer(shop: Shop) -> None:
    offer = shop.create("promotion", percent("10") | {"conditions": [{"kind": "nth_order", "value": 1}]})
    order = shop.buy(offer, lines=[BEFORE])
    shop.buy(None)

    assert shop.amend(order, BEFORE, ADDED)["quote"]["discount_total"] == "22.00"


def test_the_use_stays_in_a_limit_that_is_reached(shop: Shop) -> None:
    offer = shop.create("promotion", amount("50.00"), limits={"total": 1, "per_day": 1})
    order = shop.buy(offer, lines=[BEFORE])

    shop.amend(order, BEFORE, ADDED)

    assert shop.reasons(offer, "u2") == ["usage_limit_reached"]


def test_the_difference_is_taken_from_and_given_back_to_the_budget(shop: Shop) -> None:
    offer = shop.create("promotion", percent("10"), budget="21.00")
    order = shop.buy(offer, lines=[BEFORE])

    assert shop.amend(order, BEFORE, ADDED, expect=409)["code"] == "budget_exhausted"
    assert shop.read(order)["quote"]["total"] == "180.00"
    assert shop.amend(order, BEFORE, line(2, "10.00"))["difference"]["total"] == "9.00"
    assert shop.get(offer.path)["budget_left"] == "0.00"
    assert shop.amend(order, line(1, "100.00"))["difference"]["total"] == "-99.00"
    assert shop.get(offer.path)["budget_left"] == "11.00"


@pytest.mark.parametrize(
    ("currency", "prices", "difference"),
    [("JPY", ("1005", "101"), "91"), ("EUR", ("10.05", "1.01"), "0.91"), ("KWD", ("10.005", "1.001"), "0.901")],
)
def test_the_difference_has_the_decimals_of_the_currency(
    currency: str, prices: tuple[str, str], difference: str, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(currency=currency)
    order = shop.buy(shop.create("promotion", percent("10")), lines=[line(1, prices[0])])

    answer = shop.amend(order, line(1, prices[0]), line(2, prices[1]))

    assert answer["difference"]["total"] == difference


def test_an_offer_of_now_is_not_added_to_the_terms_of_then(shop: Shop) -> None:
    order = shop.buy(shop.create("promotion", amount("50.00")), lines=[BEFORE])
    shop.create("promotion", amount("5.00"), text="LATER")

    refused = shop.amend(order, BEFORE, codes=["CODE", "LATER"], expect=409)

    assert refused["code"] == "code_not_found"
    assert shop.amend(order, BEFORE, codes=["CODE", "LATER"], terms="current")["quote"]["total"] == "145.00"
