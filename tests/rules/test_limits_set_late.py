"""A limit or a budget that is set after an offer was used counts the uses before it, in every scope."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from coupons import consistency
from tests.rules.api import CODED, KINDS, Shop, amount, line, percent

pytestmark = pytest.mark.django_db
LATE = [
    ({"limits": {"per_day": 3}}, "usage_limit_reached"),
    ({"limits": {"per_week": 3}}, "usage_limit_reached"),
    ({"limits": {"per_month": 3}}, "usage_limit_reached"),
    ({"limits": {"units": 3}}, "usage_limit_reached"),
    ({"budget": "30.00"}, "budget_exhausted"),
    ({"budget": {"EUR": "30.00", "JPY": "1000"}}, "budget_exhausted"),
]


@pytest.mark.parametrize("kind", ["promotion", "discount_code"])
@pytest.mark.parametrize("maximum", [1, 3])
def test_a_total_limit_counts_what_was_used_before(kind: str, maximum: int, shop: Shop) -> None:
    offer = shop.create(kind, amount("10.00"))
    for customer in "abc":
        shop.buy(offer, customer)

    shop.change(offer, limits={"total": maximum})

    assert shop.reserve(offer, "d", expect=409)["code"] == "usage_limit_reached"
    assert shop.reasons(offer, "d") == ["usage_limit_reached"]


@pytest.mark.parametrize("strategy", ["exact", "sharded", "pool", "approximate"])
@pytest.mark.parametrize(("before", "after"), [(None, 1), (None, 3), (5, 1), (5, 3)])
def test_a_total_limit_of_a_coupon_counts_what_was_used_before(
    before: int | None, after: int, strategy: str, shop: Shop, settings: Any
) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 1
    coupon = shop.create("coupon", amount("10.00"), limit_strategy=strategy, maximum_number_of_coupons=before)
    orders = [shop.buy(coupon, customer) for customer in "abc"]

    shop.change(coupon, maximum_number_of_coupons=after)

    for order in orders[: 4 - after]:  # below what was used, nothing is given until enough came back
        assert shop.reserve(coupon, "d", expect=409)["code"] == "usage_limit_reached"
        shop.refund(order)
    assert shop.discount(coupon, "d") == "10.00"
    shop.buy(coupon, "d")
    consistency.recount_approximate(at=timezone.now())  # the test has no commits, after which processes count
    assert shop.reserve(coupon, "e", expect=409)["code"] == "usage_limit_reached"
    assert list(consistency.check(at=timezone.now(), repair=False)) == []


@pytest.mark.parametrize("strategy", ["exact", "sharded", "pool", "approximate"])
def test_a_total_limit_of_a_coupon_can_be_removed_and_set_again(strategy: str, shop: Shop) -> None:
    coupon = shop.create("coupon", amount("10.00"), limit_strategy=strategy, maximum_number_of_coupons=5)
    first = shop.buy(coupon, "a")
    shop.change(coupon, maximum_number_of_coupons=None)
    shop.buy(coupon, "b")
    shop.refund(first)

    shop.change(coupon, maximum_number_of_coupons=1)

    assert shop.reserve(coupon, "c", expect=409)["code"] == "usage_limit_reached"
    assert list(consistency.check(at=timezone.now(), repair=False)) == []


@pytest.mark.parametrize(("limit", "code"), LATE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_of_every_scope_counts_what_was_used_before(
    kind: str, limit: dict[str, Any], code: str, shop: Shop
) -> None:
    offer = shop.create(kind, amount("10.00"))
    for customer in "ab":
        shop.buy(offer, customer)
    shop.reserve(offer, "c")  # what is under way counts, too

    shop.change(offer, **limit)

    assert shop.reserve(offer, "d", expect=409)["code"] == code


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        ("promotion", {"limits": {"per_customer": 2}}),
        ("coupon", {"maximum_number_of_coupons_per_user": 2}),
        ("promotion", {"max_per_customer": "20.00"}),
        ("coupon", {"max_per_customer": {"EUR": "20.00"}}),
    ],
)
def test_a_limit_per_customer_counts_what_the_customer_used_before(
    kind: str, limit: dict[str, Any], shop: Shop
) -> None:
    offer = shop.create(kind, amount("10.00"))
    for _ in range(2):
        shop.buy(offer, "a")

    shop.change(offer, **limit)

    assert shop.reserve(offer, "a", expect=409)["code"] == "usage_limit_per_customer"
    assert shop.discount(offer, "b") == "10.00"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_returned_before_does_not_count(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, percent("50"))
    first = shop.buy(offer, "a", lines=[line(1, "20.00"), line(2, "20.00")])
    shop.refund(first, "1")
    shop.refund(shop.buy(offer, "b", lines=[line(1, "40.00")]))

    shop.change(offer, budget="20.00")

    assert shop.reserve(offer, "c", lines=[line(1, "22.00")], expect=409)["code"] == "budget_exhausted"
    assert shop.reserve(offer, "c", lines=[line(1, "20.00")])["quote"]["discount_total"] == "10.00"


@pytest.mark.parametrize(
    ("currency", "price", "budget", "left"),
    [("JPY", "3000", "3001", "1"), ("EUR", "30.00", "30.01", "0.01"), ("KWD", "3.000", "3.001", "0.001")],
)
def test_a_late_budget_counts_to_the_minor_unit(
    currency: str, price: str, budget: str, left: str, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(currency=currency)
    offer = shop.create("promotion", percent("50"))
    for customer in "ab":
        shop.buy(offer, customer, lines=[line(1, price)])

    assert shop.change(offer, budget=budget)["budget_left"] == left
    assert shop.reserve(offer, "c", lines=[line(1, price)], expect=409)["code"] == "budget_exhausted"


@pytest.mark.parametrize(
    ("zone", "used", "now", "counts"),
    [
        ("Etc/GMT+12", "2027-06-30T11:59:00Z", "2027-06-30T12:00:00Z", False),
        ("Etc/GMT+12", "2027-06-30T12:00:00Z", "2027-07-01T11:59:00Z", True),
        ("Pacific/Kiritimati", "2027-06-30T09:59:00Z", "2027-06-30T10:00:00Z", False),
        ("Pacific/Kiritimati", "2027-06-30T10:00:00Z", "2027-07-01T09:59:00Z", True),
        ("Europe/Madrid", "2027-10-30T22:00:00Z", "2027-10-31T22:59:00Z", True),  # a day of 25 hours
        ("Europe/Madrid", "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z", False),  # a day of 23 hours
        ("Europe/Madrid", "2028-02-28T23:00:00Z", "2028-02-29T22:59:00Z", True),  # a leap day
    ],
)
def test_a_late_limit_per_day_counts_the_day_of_the_brand(
    zone: str, used: str, now: str, counts: bool, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(timezone=zone)
    offer = shop.create("promotion", amount("10.00"))
    with time_machine.travel(used, tick=False):
        shop.buy(offer, "a")

    with time_machine.travel(now, tick=False):
        shop.change(offer, limits={"per_day": 1})

        assert shop.reasons(offer, "b") == (["usage_limit_reached"] if counts else [])


def test_a_limit_below_what_was_used_gives_again_when_enough_came_back(shop: Shop) -> None:
    offer = shop.create("promotion", amount("10.00"))
    orders = [shop.buy(offer, customer) for customer in "abc"]

    shop.change(offer, limits={"total": 2})

    shop.refund(orders[0])
    assert shop.reasons(offer, "d") == ["usage_limit_reached"]
    shop.refund(orders[1])
    assert shop.discount(offer, "d") == "10.00"


def test_a_late_limit_of_units_counts_the_units_that_got_a_discount(shop: Shop) -> None:
    offer = shop.create("promotion", percent("50", on="unit", max_units=2))
    shop.buy(offer, "a", lines=[line(1, "10.00", 5)])

    shop.change(offer, limits={"units": 3})

    refused = shop.reserve(offer, "b", lines=[line(1, "10.00", 2)], expect=409)
    assert (refused["code"], refused["limit"], refused["left"]) == ("usage_limit_reached", "units", 1)
    assert shop.discount(offer, "b", lines=[line(1, "10.00", 1)]) == "5.00"


def test_a_limit_that_is_removed_and_set_again_counts_what_was_used_in_between(shop: Shop) -> None:
    offer = shop.create("promotion", amount("10.00"), limits={"total": 5}, budget="50.00")
    shop.buy(offer, "a")
    shop.change(offer, limits={"total": None}, budget=None)
    shop.buy(offer, "b")

    answer = shop.change(offer, limits={"total": 2}, budget="30.00")

    assert answer["budget_left"] == "10.00"
    assert shop.reasons(offer, "c") == ["usage_limit_reached"]


@pytest.mark.parametrize("kind", CODED)
def test_a_late_limit_counts_the_uses_of_single_use_codes(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, amount("10.00"))
    first, second, third = shop.generate(offer, 3)
    for customer, code in (("a", first), ("b", second)):
        shop.buy(None, customer, codes=[code])

    shop.change(offer, limits={"per_day": 2})

    assert shop.reasons(None, "c", codes=[third]) == ["usage_limit_reached"]
    assert shop.reasons(offer, "c") == ["usage_limit_reached"]


@pytest.mark.parametrize(
    ("limit", "left"),
    [({"limits": {"total": 3}}, "0.00"), ({"limits": {"units": 3}}, "0.00"), ({"budget": "15.00"}, "0.00"),
     ({"limits": {"total": 4}}, "5.00"), ({"limits": {"units": 4}}, "5.00"), ({"budget": "20.00"}, "5.00")],
)  # fmt: skip
def test_a_late_limit_of_an_automatic_promotion_counts(limit: dict[str, Any], left: str, shop: Shop) -> None:
    body = {"name": "x", "trigger": "automatic", "start_date": "2026-01-01", "end_date": "2099-01-01"}
    promotion = shop.send("post", "promotions/", body | {"offer": percent("10")}, expect=201)["id"]
    for customer in "abc":
        shop.buy(None, customer)

    shop.send("patch", f"promotions/{promotion}/", limit)

    assert shop.discount(None, "d") == left


def test_a_late_limit_of_units_follows_amendments_and_refunds(shop: Shop) -> None:
    offer = shop.create("promotion", percent("50", on="unit", max_units=5))
    amended = shop.buy(offer, "a", lines=[line(1, "10.00", 5)])
    shop.amend(amended, line(1, "10.00", 2))
    refunded = shop.buy(offer, "b", lines=[line(1, "10.00", 4)])
    shop.refund(refunded, {"id": "1", "quantity": 3})

    shop.change(offer, limits={"units": 4})  # of which three are used

    assert shop.reasons(offer, "c", lines=[line(1, "10.00", 2)]) == ["usage_limit_reached"]
    assert shop.discount(offer, "c", lines=[line(1, "10.00", 1)]) == "5.00"


def test_units_of_gifts_count_in_a_late_limit(shop: Shop) -> None:
    offer = shop.create("promotion", {"benefits": [{"kind": "gift", "sku": "tea", "quantity": 2}]})
    for customer in "ab":
        shop.buy(offer, customer)

    shop.change(offer, limits={"units": 4})

    assert shop.reasons(offer, "c") == ["usage_limit_reached"]
