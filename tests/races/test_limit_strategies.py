"""Concurrent orders never exceed the total limit of an offer of any kind, whatever strategy counts it."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from checkout.models import Redemption
from core import db
from core.errors import Busy
from coupons import consistency as coupons
from redemptions.errors import UsageLimitReached
from redemptions.limits import rules
from redemptions.uses import consistency as uses
from tests.factories import BrandFactory
from tests.redemptions.limited_offers import change_limits, create_offer, create_shopper, reserve

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
KINDS = ["coupon", "discount_code", "promotion"]
STRATEGIES = ["exact", "sharded", "pool"]


@pytest.fixture(autouse=True)
def low_sharding_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shard small limits, too."""
    monkeypatch.setattr(rules, "SHARDING_THRESHOLD", 16)


def create_limited(kind: str, strategy: str, total: int | None) -> Any:
    name = "maximum_number_of_coupons" if kind == "coupon" else "limit_total"
    offer = create_offer(kind, BrandFactory(), limit_strategy=strategy)
    return change_limits(offer, datetime(2026, 6, 1).astimezone(), **{name: total}) if total else offer


def list_differences(at: datetime) -> list[str]:
    return [*coupons.check(at=at, repair=False), *uses.check(at=at, repair=False)]


def retry_busy(call: Callable[[], Any]) -> Any:
    """Repeat a call whose unit was locked by another one, as clients do."""
    while True:
        try:
            return call()
        except Busy:
            continue


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", KINDS)
def test_concurrent_orders_use_a_total_limit_to_the_last_unit(
    kind: str, strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    offer = create_limited(kind, strategy, 20)

    results = run_concurrently(
        lambda who: retry_busy(lambda: reserve(offer, at, who)), [create_shopper() for _ in range(40)]
    )

    assert Counter(type(result) for result in results) == {Redemption: 20, UsageLimitReached: 20}
    assert list_differences(at) == []


@pytest.mark.parametrize("kind", KINDS)
def test_concurrent_orders_exceed_an_approximate_limit_by_the_stated_number_at_most(
    kind: str, run_concurrently: RunConcurrently, at: datetime, settings: Any
) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 60
    offer = create_limited(kind, "approximate", 10)

    results = run_concurrently(lambda who: reserve(offer, at, who), [create_shopper() for _ in range(60)])

    counts = Counter(type(result) for result in results)
    assert 10 <= counts[Redemption] <= 10 + rules.max_overshoot(cap=10, processes=1, threads=60)
    assert counts[Redemption] + counts[UsageLimitReached] == 60
    coupons.recount_approximate(at=at)
    uses.recount_approximate(at=at)
    assert list_differences(at) == []


@pytest.mark.parametrize("kind", ["discount_code", "promotion"])
def test_without_row_locks_a_unit_of_a_pool_is_given_to_several_orders(
    kind: str, run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer, load_sql = create_limited(kind, "pool", 20), db.load_sql

    def without_locks(path: str) -> str:
        statement = load_sql(path)
        if path.endswith("take_units.sql"):
            statement = statement.replace("FOR UPDATE SKIP LOCKED", "")
        return statement

    monkeypatch.setattr(db, "load_sql", without_locks)

    results = run_concurrently(
        lambda who: retry_busy(lambda: reserve(offer, at, who)), [create_shopper() for _ in range(40)]
    )

    given = sum(isinstance(result, Redemption) for result in results)
    assert given > 20 or len(list_differences(at)) > 0, "the race that locked rows prevent"
