"""The total limit of an offer of each kind is counted by each of the four strategies."""

from typing import Any

import pytest
import time_machine
from django.utils import timezone

from coupons import consistency as coupons
from redemptions.limits import consistency as limits
from redemptions.limits.models import Limit, LimitUnit
from redemptions.uses import consistency as uses
from redemptions.uses.models import OfferUse
from redemptions.uses.services import pools
from tests.rules.api import CODED, Shop, amount, line

pytestmark = pytest.mark.django_db
STRATEGIES = ["exact", "sharded", "pool", "approximate"]
COUNTED = ["promotion", "discount_code"]  # whose uses count the total limit


@pytest.fixture(autouse=True)
def one_process(settings: Any) -> None:
    """Expect the overshoot of one process with one thread."""
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 1


def settle() -> None:
    """Do what happens in the background: count what approximate limits have not counted, and create units of pools.

    Tests have no commits, after which processes count.
    """
    coupons.recount_approximate(at=timezone.now())
    uses.recount_approximate(at=timezone.now())
    pools.maintain_pools(at=timezone.now())


def limit_of(kind: str, total: int | None, strategy: str = "") -> dict[str, Any]:
    """Return the fields of a total limit of a kind."""
    fields = {"maximum_number_of_coupons": total} if kind == "coupon" else {"limits": {"total": total}}
    return fields | ({"limit_strategy": strategy} if strategy else {})


def list_differences() -> list[str]:
    at = timezone.now()
    return [line for check in (coupons.check, uses.check, limits.check) for line in check(at=at, repair=False)]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", CODED)
def test_a_limit_is_given_to_the_last_unit_and_what_comes_back_is_given_again(
    kind: str, strategy: str, shop: Shop
) -> None:
    offer = shop.create(kind, amount("10.00"), **limit_of(kind, 3, strategy))
    first, second, third = (shop.buy(offer, customer) for customer in "abc")
    settle()
    assert shop.reserve(offer, "d", expect=409)["code"] == "usage_limit_reached"
    assert shop.reasons(offer, "d") == ["usage_limit_reached"]

    shop.refund(second)
    shop.amend(third, line(2, "60.00"), codes=[])
    shop.cancel(shop.reserve(offer, "d"))

    assert [shop.discount(offer, customer) for customer in "de"] == ["10.00", "10.00"]
    for customer in "de":
        shop.buy(offer, customer)
    settle()
    assert shop.reserve(offer, "f", expect=409)["code"] == "usage_limit_reached"
    assert shop.read(first)["status"] == "confirmed"
    assert list_differences() == []


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", CODED)
def test_an_expired_reservation_gives_its_unit_to_the_next_order(kind: str, strategy: str, shop: Shop) -> None:
    offer = shop.create(kind, amount("10.00"), **limit_of(kind, 1, strategy))
    with time_machine.travel("2027-06-30T10:00:00Z", tick=False) as clock:
        shop.reserve(offer, "a", ttl_seconds=60)
        settle()
        assert shop.reserve(offer, "b", expect=409)["code"] == "usage_limit_reached"
        clock.shift(61)

        assert shop.discount(offer, "b") == "10.00"
        shop.buy(offer, "b")
        settle()

        assert shop.reserve(offer, "c", expect=409)["code"] == "usage_limit_reached"


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("before", "after"), [(None, 1), (None, 3), (5, 1), (5, 3)])
@pytest.mark.parametrize("kind", COUNTED)
def test_a_limit_that_is_set_or_lowered_counts_what_was_used_before(
    kind: str, before: int | None, after: int, strategy: str, shop: Shop
) -> None:
    offer = shop.create(kind, amount("10.00"), **limit_of(kind, before, strategy))
    orders = [shop.buy(offer, customer) for customer in "abc"]

    shop.change(offer, **limit_of(kind, after))

    for order in orders[: 4 - after]:
        assert shop.reserve(offer, "d", expect=409)["code"] == "usage_limit_reached"
        shop.refund(order)
    shop.buy(offer, "d")
    settle()
    assert shop.reserve(offer, "e", expect=409)["code"] == "usage_limit_reached"
    assert list_differences() == []


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", CODED)
def test_a_limit_that_is_removed_and_set_again_counts_what_was_used(kind: str, strategy: str, shop: Shop) -> None:
    offer = shop.create(kind, amount("10.00"), **limit_of(kind, 5, strategy))
    first = shop.buy(offer, "a")
    shop.buy(offer, "b")
    shop.change(offer, **limit_of(kind, None))
    shop.buy(offer, "c")
    shop.refund(first)

    shop.change(offer, **limit_of(kind, 2))

    assert shop.reserve(offer, "d", expect=409)["code"] == "usage_limit_reached"
    shop.change(offer, **limit_of(kind, 3))
    settle()
    shop.buy(offer, "d")
    settle()
    assert shop.reserve(offer, "e", expect=409)["code"] == "usage_limit_reached"
    assert list_differences() == []


@pytest.mark.parametrize("after", STRATEGIES)
@pytest.mark.parametrize("before", STRATEGIES)
@pytest.mark.parametrize("kind", CODED)
def test_the_strategy_can_change_until_the_start(kind: str, before: str, after: str, shop: Shop) -> None:
    with time_machine.travel("2026-12-01T10:00:00Z", tick=False):
        offer = shop.create(kind, amount("10.00"), start_date="2027-01-01", **limit_of(kind, 1, before))
        shop.change(offer, limit_strategy=after)
    with time_machine.travel("2027-01-02T10:00:00Z", tick=False):
        problem = shop.change(offer, limit_strategy="exact" if after == "pool" else "pool", expect=400)

        assert [(error["field"], error["code"]) for error in problem["errors"]] == [("limit_strategy", "immutable")]
        assert shop.get(offer.path)["limit_strategy"] == after
        shop.buy(offer, "a")
        settle()
        assert shop.reserve(offer, "b", expect=409)["code"] == "usage_limit_reached"
        assert list_differences() == []


@pytest.mark.parametrize("kind", CODED)
def test_the_answer_says_how_a_limit_is_counted(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, **limit_of(kind, 1_000))
    default = "exact" if kind == "coupon" else "sharded"
    answer = shop.get(offer.path)
    assert (answer["limit_strategy"], answer["max_overshoot"]) == (default, 0)

    offer = shop.create(kind, text="OTHER", **limit_of(kind, 1_000, "approximate"))
    assert shop.get(offer.path)["max_overshoot"] == 10 - 1 + 1  # counted in groups of ten, by one thread
    offer = shop.create(kind, text="MORE", limit_strategy="approximate")
    assert shop.get(offer.path)["max_overshoot"] == 0


@pytest.mark.parametrize("kind", CODED)
def test_an_unknown_strategy_and_a_pool_that_is_too_large_are_refused(kind: str, shop: Shop) -> None:
    field = "maximum_number_of_coupons" if kind == "coupon" else "limits.total"
    for fields, path in (
        ({"limit_strategy": "sometimes"}, "limit_strategy"),
        (limit_of(kind, 10_000_001, "pool"), field),
    ):
        problem = shop.create_answer(kind, expect=400, **fields)
        assert [error["field"] for error in problem["errors"]] == [path]


@pytest.mark.parametrize("kind", COUNTED)
def test_wrong_units_of_a_pool_are_reported_and_repaired(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, amount("10.00"), **limit_of(kind, 3, "pool"))
    shop.buy(offer, "a")
    used = LimitUnit.objects.filter(redemption_id__isnull=False)
    unit = used.get()
    used.update(redemption_id=None)
    LimitUnit.objects.filter(owner=unit.owner).exclude(number=unit.number).update(redemption_id=unit.owner)

    lines = list(uses.check(at=timezone.now(), repair=True))

    assert [line.rpartition(": ")[2] for line in lines] == ["repaired"] * 3
    assert used.get().number == unit.number
    assert list_differences() == []


@pytest.mark.parametrize("kind", CODED)
def test_a_pool_whose_row_differs_from_its_units_is_reported_and_repaired(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, amount("10.00"), **limit_of(kind, 3, "pool"))
    shop.buy(offer, "a")
    row = Limit.objects.filter(scope="total:pool", shard=0)
    owner, at = row.get().owner, timezone.now()
    row.update(taken=1)

    assert list_differences() == [f"pool {owner}: 1 of 3 units stored, 3 counted"]
    assert list(limits.check(at=at, repair=True)) == [f"pool {owner}: 1 of 3 units stored, 3 counted: repaired"]

    assert (row.get().taken, row.get().cap) == (3, 3)
    assert list_differences() == []


@pytest.mark.parametrize("kind", CODED)
def test_a_pool_with_more_units_than_its_limit_is_reported_and_stays(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, amount("10.00"), **limit_of(kind, 3, "pool"))
    shop.buy(offer, "a")
    row = Limit.objects.filter(scope="total:pool", shard=0)
    LimitUnit.objects.create(owner=row.get().owner, number=99)

    lines = list(limits.check(at=timezone.now(), repair=True))

    assert lines == [f"pool {row.get().owner}: 3 of 3 units stored, 4 counted"]
    assert LimitUnit.objects.count() == 4
    assert row.get().taken == 3


@pytest.mark.parametrize("kind", COUNTED)
def test_a_unit_of_a_large_pool_is_counted_and_comes_back(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, amount("10.00"), **limit_of(kind, 1, "pool"))
    order = shop.buy(offer, "a")
    LimitUnit.objects.update(number=9_999_999)
    OfferUse.objects.update(counters=[["total:pool", "", 9_999_999, 1]])

    assert list_differences() == []
    shop.refund(order)

    assert shop.discount(offer, "b") == "10.00"
    assert list_differences() == []
