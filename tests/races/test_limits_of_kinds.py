"""Concurrent redemptions of every kind of offer never exceed a budget or a limit, also when it is set meanwhile."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from accounts.selectors import shopper_of
from checkout.models import Redemption
from core import db
from core.ids import uuid7
from coupons import services as coupons
from coupons.contracts import RedemptionRequest
from discounts.services import redeem_code
from redemptions.errors import BudgetExhausted, UsageLimitReached
from redemptions.limits.models import Limit
from redemptions.uses.consistency import check
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory, ShopperFactory
from tests.redemptions.limited_offers import KINDS, change_limits, create_offer, create_shopper, reserve

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
ALONE = ["coupon", "discount_code"]


def redeem_alone(offer: Any, at: datetime) -> Any:
    """Redeem a discount code or a coupon for a new customer, without an order."""
    customer = ShopperFactory().customer
    if offer.offer_kind == "discount_code":
        return redeem_code(code="TEN", shopper=shopper_of(customer), amount=None, currency=None, at=at)
    return coupons.redeem(coupon=offer.pk, request=RedemptionRequest(uuid7(), customer.pk, "TEN"), at=at)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"budget": 12_500}, BudgetExhausted),
        *(({limit: 12}, UsageLimitReached) for limit in ("limit_per_day", "limit_per_month", "limit_units")),
    ],
)
def test_concurrent_orders_use_a_limit_to_the_last_unit(
    kind: str, limits: dict[str, int], error: type, run_concurrently: RunConcurrently, at: datetime
) -> None:
    offer = create_offer(kind, BrandFactory(), **limits)

    results = run_concurrently(lambda who: reserve(offer, at, who), [create_shopper() for _ in range(30)])

    assert Counter(type(result) for result in results) == {Redemption: 12, error: 18}
    assert sum(use.amount for use in OfferUse.objects.all()) == 12_000
    assert list(check(at=at, repair=False)) == []


@pytest.mark.parametrize("kind", ALONE)
def test_redemptions_with_and_without_orders_share_a_limit(
    kind: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    offer = create_offer(kind, BrandFactory(), limit_per_day=12)

    results = run_concurrently(lambda call: call(offer, at), [redeem_alone, reserve] * 15)

    assert Counter(isinstance(result, UsageLimitReached) for result in results) == {False: 12, True: 18}
    assert Limit.objects.get(scope="day").taken == OfferUse.objects.count() == 12
    assert list(check(at=at, repair=False)) == []


def set_a_limit_during_redemptions(
    kind: str, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime, *, without: str = ""
) -> tuple[int, int]:
    """Set a limit while a redemption without an order is under way. Return what was used, and what the limit counts.

    The redemption stops after it has read that the offer has no limit, and before it commits.
    """
    offer = create_offer(kind, BrandFactory())
    has_read, is_set = threading.Event(), threading.Event()
    load_sql, fetch_all = db.load_sql, db.fetch_all
    statements = ("coupons/sql/select_snapshot.sql", "discounts/sql/redeem_codes.sql")

    def wait_after(path: str, params: Any) -> list[db.Row]:
        rows = fetch_all(path, params)
        if path in statements and not has_read.is_set():
            has_read.set()
            is_set.wait(0.5)  # the change waits for the redemption, if the offer is locked
        return rows

    monkeypatch.setattr(db, "fetch_all", wait_after)
    if without:
        monkeypatch.setattr(db, "load_sql", lambda path: load_sql(path).replace(without, ""))

    def change() -> None:
        assert has_read.wait(5)
        change_limits(offer, at, limit_per_day=10)
        is_set.set()

    run_concurrently(lambda call: call(), [transaction.atomic(lambda: redeem_alone(offer, at)), change])
    used = offer.redemptions.count() if kind == "coupon" else offer.usages.count()  # type: ignore[attr-defined]
    return used, sum(limit.taken for limit in Limit.objects.filter(scope="day"))


@pytest.mark.parametrize("kind", ALONE)
def test_a_limit_that_is_set_counts_redemptions_that_are_under_way(
    kind: str, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    assert set_a_limit_during_redemptions(kind, run_concurrently, monkeypatch, at) == (1, 1)


@pytest.mark.parametrize(("kind", "lock"), [("coupon", "FOR KEY SHARE OF d"), ("discount_code", "FOR KEY SHARE")])
def test_without_the_lock_of_the_offer_a_limit_misses_a_redemption(
    kind: str, lock: str, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    result = set_a_limit_during_redemptions(kind, run_concurrently, monkeypatch, at, without=lock)

    assert result == (1, 0), "the race that the lock of the offer prevents"
