"""A discount above what a customer may still get is refused with the limit of the customer, not with the budget."""

import pytest

from tests.rules.api import KINDS, Shop, line, percent

pytestmark = pytest.mark.django_db
HALF = percent("50")
MORE = [line(1, "40.02")]


@pytest.mark.parametrize("kind", KINDS)
def test_too_little_is_left_of_the_maximum(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, HALF, max_per_customer="20.00", budget="1000.00")

    assert shop.reasons(offer, "u1", lines=MORE) == ["usage_limit_per_customer"]
    assert shop.reserve(offer, "u1", lines=MORE, expect=409)["code"] == "usage_limit_per_customer"
    assert shop.discount(offer, "u1", lines=[line(1, "40.00")]) == "20.00"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("budget", "maximum", "code"),
    [
        ("5.00", "6.00", "budget_exhausted"),
        ("5.00", "5.00", "budget_exhausted"),
        ("6.00", "5.00", "usage_limit_per_customer"),
    ],
)
def test_the_reason_names_what_has_less_left(kind: str, budget: str, maximum: str, code: str, shop: Shop) -> None:
    offer = shop.create(kind, HALF, budget=budget, max_per_customer=maximum)

    assert shop.reasons(offer, "u1", lines=MORE) == [code]
    assert shop.reserve(offer, "u1", lines=MORE, expect=409)["code"] == code


def test_the_maximum_counts_in_its_own_currency(shop: Shop) -> None:
    offer = shop.create("promotion", HALF, max_per_customer={"EUR": "20.00", "JPY": "1000"}, budget={"EUR": "10.00"})

    assert shop.reasons(offer, "u1", lines=MORE) == ["budget_exhausted"]


def test_what_is_left_after_an_order_counts(shop: Shop) -> None:
    offer = shop.create("promotion", HALF, max_per_customer="20.00")
    shop.buy(offer, "u1", lines=[line(1, "30.00")])

    assert shop.reasons(offer, "u1", lines=[line(1, "10.02")]) == ["usage_limit_per_customer"]
    assert shop.discount(offer, "u1", lines=[line(1, "10.00")]) == "5.00"
    assert shop.discount(offer, "u2", lines=[line(1, "40.00")]) == "20.00"
