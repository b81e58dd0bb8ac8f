"""Concurrent orders never exceed the total limit of an offer of any kind, whatever strategy counts it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections
from django.db.models import F

from checkout.models import Redemption
from core import db
from core.errors import Busy
from coupons import consistency as coupons
from redemptions.errors import UsageLimitReached
from redemptions.limits import consistency as pools
from redemptions.limits import rules
from redemptions.limits.models import Limit, LimitUnit
from redemptions.limits.strategies import pool
from redemptions.uses import consistency as uses
from tests.factories import BrandFactory
from tests.races.transactions import long_transaction
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
    return [line for check in (coupons.check, uses.check, pools.check) for line in check(at=at, repair=False)]


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


def test_a_pool_is_repaired_while_units_are_created(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _repair_during_creation(at, monkeypatch) == (8, 8)


def test_without_the_lock_of_its_rows_a_repaired_pool_misses_new_units(
    at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "Limit", SimpleNamespace(objects=SimpleNamespace(select_for_update=Limit.objects.all)))

    stored, units = _repair_during_creation(at, monkeypatch)

    assert stored < units, "the race that the lock prevents"


def _repair_during_creation(at: datetime, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Repair the row of a pool while a transaction adds units. Return what the row counts, and the units."""
    monkeypatch.setattr(pool, "INLINE_MAX_UNITS", 3)
    owner = create_limited("promotion", "pool", 20).pk
    row = Limit.objects.filter(owner=owner, scope="total:pool", shard=0)
    row.update(taken=F("taken") + 2)

    def create() -> None:
        params = {"owner": owner, "wanted": 5}
        db.execute("redemptions/limits/sql/insert_units.sql", params)

    with long_transaction(create) as finish, ThreadPoolExecutor(1) as executor:
        repair = executor.submit(_repair_and_close, at)
        wait([repair], timeout=1)
        finish()
        (line,) = repair.result(30)
    assert line.endswith(": repaired")
    return row.get().taken, LimitUnit.objects.filter(owner=owner).count()


def _repair_and_close(at: datetime) -> list[str]:
    try:
        return list(pools.check(at=at, repair=True))
    finally:
        connections.close_all()
