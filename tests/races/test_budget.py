"""Concurrent carts never exceed a budget or a usage limit."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import services
from checkout.contracts import QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from core import db
from core.ids import uuid7
from pricing import Cart, Line
from promotions.models import Promotion
from promotions.services import update_promotion
from redemptions.errors import BudgetExhausted, CodeAlreadyUsed, UsageLimitPerCustomer, UsageLimitReached
from redemptions.limits import services as limits
from redemptions.limits.contracts import LimitRequest, TakenLimit
from redemptions.limits.models import Limit
from redemptions.limits.selectors import find_wrong_caps
from redemptions.statuses import RedemptionStatus
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory, CustomerFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def shoppers(count: int) -> list[Shopper]:
    return [Shopper(customer.pk, customer.customer_id) for customer in CustomerFactory.create_batch(count)]


def reserve(brand: Brand, shopper: Shopper, at: datetime, *codes: str, order: str, price: int = 10_000) -> Redemption:
    line = Line(id="a", sku="shoe", quantity=1, unit_price=price, brand=brand.slug)
    request = QuoteRequest(Cart(currency="EUR", exponent=2, lines=(line,)), codes, shop=brand.slug)
    fingerprint = hashlib.sha256(repr(request).encode()).digest()
    return services.reserve(
        request=request,
        options=RedemptionOptions(order, brand.pk, fingerprint),
        shopper=shopper,
        at=at,
        acceptance=ALL_BRANDS,
    )


@pytest.mark.parametrize("budget", [1_250, 40_000])  # one row; 16 shards of 25.00
def test_concurrent_carts_never_exceed_the_budget(budget: int, run_concurrently: RunConcurrently, at: datetime) -> None:
    brand = BrandFactory()
    PromotionFactory(brand=brand, trigger="code", text="SPRING", percent="10", budget=budget)
    price = budget // 40 * 10

    results = run_concurrently(
        lambda shopper: reserve(brand, shopper, at, "SPRING", order=shopper.customer_id, price=price), shoppers(100)
    )

    assert Counter(type(result) for result in results) == {Redemption: 40, BudgetExhausted: 60}
    assert sum(counter.taken for counter in Limit.objects.all()) == budget // 40 * 40
    assert sum(redemption.amount for redemption in OfferUse.objects.all()) <= budget


@pytest.mark.parametrize(
    ("limit", "count"),
    [("limit_total", 160), *((f"limit_{name}", 12) for name in ("total", "per_day", "per_week", "per_month"))],
)  # 16 shards of 10; one row
def test_concurrent_carts_use_a_limit_to_the_last_unit(
    limit: str, count: int, run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = BrandFactory()
    promotion = PromotionFactory(brand=brand, trigger="code", text="SPRING", **{limit: count})
    for number, shopper in enumerate(shoppers(count - 12)):
        reserve(brand, shopper, at, "SPRING", order=f"before-{number}")

    results = run_concurrently(
        lambda shopper: reserve(brand, shopper, at, "SPRING", order=shopper.customer_id), shoppers(40)
    )

    assert Counter(type(result) for result in results) == {Redemption: 12, UsageLimitReached: 28}
    assert sum(row.taken for row in Limit.objects.all()) == count
    assert (
        list(find_wrong_caps(owner=promotion.pk, caps={"total": count, "day": count, "week": count, "month": count}))
        == []
    )


def change_a_limit_while_it_is_taken(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> tuple[int, int]:
    """Reserve a use while the limit falls to 160. Return what is taken of the limit, and what its shards add up to."""
    brand, (shopper,) = BrandFactory(), shoppers(1)
    promotion = PromotionFactory(brand=brand, trigger="code", text="SPRING", limit_total=1600)
    is_read, take = threading.Event(), limits.take

    def take_later(**kwargs: Any) -> Any:
        is_read.set()
        threading.Event().wait(0.3)
        return take(**kwargs)

    def change() -> None:
        assert is_read.wait(5)
        update_promotion(promotion=promotion, fields={"limit_total": 160}, at=at)

    monkeypatch.setattr(limits, "take", take_later)
    run_concurrently(lambda call: call(), [partial(reserve, brand, shopper, at, "SPRING", order="1"), change])
    wrong = list(find_wrong_caps(owner=promotion.pk, caps={"total": 160}))
    return sum(row.taken for row in Limit.objects.all()), wrong[0][1] if wrong else 160


def test_a_limit_does_not_change_while_it_is_taken(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    assert change_a_limit_while_it_is_taken(run_concurrently, monkeypatch, at) == (1, 160)


def test_without_the_lock_of_the_promotion_a_changed_limit_is_wrong(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    """Prove that the test above can fail."""
    load_sql = db.load_sql
    monkeypatch.setattr(db, "load_sql", lambda path: load_sql(path).replace("FOR KEY SHARE OF p", ""))

    assert change_a_limit_while_it_is_taken(run_concurrently, monkeypatch, at) == (1, 250)


def take_over(run_concurrently: RunConcurrently, at: datetime) -> Counter[type]:
    """Let 30 carts compete for 2 units that expired reservations hold, while these are released."""
    brand = BrandFactory()
    PromotionFactory(brand=brand, trigger="code", text="SPRING", limit_total=2, limit_per_day=100)
    for number, shopper in enumerate(shoppers(2)):
        reserve(brand, shopper, at, "SPRING", order=f"expired-{number}")
    later = at + timedelta(seconds=901)
    calls: list[Callable[[], Any]] = [
        partial(reserve, brand, shopper, later, "SPRING", order=shopper.customer_id) for shopper in shoppers(30)
    ]
    calls += [lambda: services.release_expired(at=later) for _ in range(2)]
    results = run_concurrently(lambda call: call(), calls)
    assert [row.taken for row in Limit.objects.all()] == [2, 2]
    return Counter(type(result) for result in results[:30])


def test_concurrent_carts_take_over_what_expired_reservations_hold(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    assert take_over(run_concurrently, at) == {Redemption: 2, UsageLimitReached: 28}


def test_without_the_lock_of_expired_reservations_they_are_released_twice(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    """Prove that the test above can fail: the constraint stops what the missing lock allows."""
    load_sql, barrier = db.load_sql, threading.Barrier(2)
    brand, buyers = BrandFactory(), shoppers(3)
    PromotionFactory(brand=brand, trigger="code", text="SPRING", limit_total=1)
    reserve(brand, buyers[0], at, "SPRING", order="expired")
    later, take = at + timedelta(seconds=901), limits.take

    def take_together(**kwargs: Any) -> Any:
        if kwargs.get("released"):
            barrier.wait(5)
        return take(**kwargs)

    monkeypatch.setattr(db, "load_sql", lambda path: load_sql(path).replace("FOR UPDATE SKIP LOCKED", ""))
    monkeypatch.setattr(limits, "take", take_together)
    results = run_concurrently(
        lambda shopper: reserve(brand, shopper, later, "SPRING", order=shopper.customer_id), buyers[1:]
    )

    assert Counter(map(type, results)) == {Redemption: 2}


def take_next_to_a_locked_shard(
    promotion: Promotion, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> Counter[type]:
    """Let two callers find no capacity while each keeps a lock on another shard.

    This happens when shards are used up between the read and the lock.
    """
    barrier, fetch_all = threading.Barrier(2), db.fetch_all

    def lock_a_shard(path: str, params: Mapping[str, Any]) -> list[db.Row]:
        if not path.endswith("take_limits.sql"):
            return fetch_all(path, params)
        shard_row = Limit.objects.filter(owner=promotion.pk, shard=params["shards"][0])
        assert shard_row.select_for_update().first()
        barrier.wait(5)
        return []

    def take(home: int) -> Any:
        request = LimitRequest(promotion.pk, "budget:EUR", "", amount=150, cap=1600, home=home)
        with transaction.atomic():
            return limits.take(requests=[request])

    monkeypatch.setattr(db, "fetch_all", lock_a_shard)
    return Counter(map(type, run_concurrently(take, [3, 5])))


@pytest.fixture
def sharded_promotion() -> Promotion:
    """Promotion whose budget of 1600 is split into shards of 100."""
    promotion = PromotionFactory(budget=1600)
    Limit.objects.bulk_create(
        Limit(owner=promotion.pk, scope="budget:EUR", shard=shard, cap=100) for shard in range(16)
    )
    return promotion


def test_consolidating_shards_holds_no_lock_that_another_waits_for(
    sharded_promotion: Promotion, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take_next_to_a_locked_shard(sharded_promotion, run_concurrently, monkeypatch) == {list: 2}
    assert sum(counter.taken for counter in Limit.objects.all()) == 300


def test_without_the_savepoint_consolidating_shards_deadlocks(
    sharded_promotion: Promotion, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail."""
    monkeypatch.setattr(transaction, "savepoint_rollback", lambda _: None)

    assert take_next_to_a_locked_shard(sharded_promotion, run_concurrently, monkeypatch) == {
        list: 1,
        OperationalError: 1,
    }


def test_automatic_promotion_applies_while_its_budget_lasts(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand = BrandFactory()
    PromotionFactory(brand=brand, budget=40_000)

    results = run_concurrently(lambda shopper: reserve(brand, shopper, at, order=shopper.customer_id), shoppers(100))

    assert Counter(result.discount_total for result in results) == {1_000: 40, 0: 60}


def test_without_the_conditional_update_the_budget_is_exceeded(run_concurrently: RunConcurrently, at: datetime) -> None:
    """Prove that the tests above can fail: check the budget, then take, without the constraint."""
    promotion = PromotionFactory(budget=400)
    row = Limit.objects.create(owner=promotion.pk, scope="budget:EUR", cap=400)
    counters = Limit.objects.filter(pk=row.pk)

    def check_then_take(_: int) -> None:
        counter = counters.get()
        if counter.taken + 100 <= counter.cap:
            counters.update(taken=F("taken") + 100)

    taken = 0
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE redemptions_limit DROP CONSTRAINT redemptions_limit_within_cap")
        try:
            for _ in range(10):
                run_concurrently(check_then_take, range(40))
                taken = counters.get().taken
                if taken > 400:
                    break
                counters.update(taken=0)
        finally:
            counters.update(taken=0)
            cursor.execute(
                "ALTER TABLE redemptions_limit"
                " ADD CONSTRAINT redemptions_limit_within_cap CHECK (taken >= 0 AND taken <= cap)"
            )

    assert taken > 400


def test_concurrent_carts_never_exceed_the_limit_per_customer(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand, (shopper,) = BrandFactory(), shoppers(1)
    PromotionFactory(brand=brand, trigger="code", text="SPRING", limit_per_user=2)

    results = run_concurrently(lambda number: reserve(brand, shopper, at, "SPRING", order=str(number)), range(50))

    assert Counter(type(result) for result in results) == {Redemption: 2, UsageLimitPerCustomer: 48}


def test_concurrent_carts_redeem_a_single_use_code_once(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand = BrandFactory()
    PromotionFactory(brand=brand, trigger="code", text="UNIQUE", text__single_use=True)

    results = run_concurrently(
        lambda shopper: reserve(brand, shopper, at, "UNIQUE", order=shopper.customer_id), shoppers(100)
    )

    assert Counter(type(result) for result in results) == {Redemption: 1, CodeAlreadyUsed: 99}
    assert OfferUse.objects.filter(is_lapsed=False).count() == 1


def test_carts_with_the_same_limited_promotions_never_deadlock_and_release_everything(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = BrandFactory()
    codes = [f"CODE{number}" for number in range(6)]
    for code in codes:
        PromotionFactory(
            brand=brand, trigger="code", text=code, percent="1", budget=100_000, limit_total=200, limit_per_day=200
        )

    def cart(shopper: Shopper) -> Any:
        shuffled = sorted(codes, key=lambda code: hashlib.sha256(f"{shopper.id}{code}".encode()).digest())
        return services.cancel(redemption=reserve(brand, shopper, at, *shuffled, order=shopper.customer_id), at=at)

    results = run_concurrently(cart, shoppers(40))

    assert {type(result) for result in results} == {Redemption}, results
    assert {result.status for result in results} == {RedemptionStatus.RELEASED}
    assert sum(counter.taken for counter in Limit.objects.all()) == 0
    assert not OfferUse.objects.exists()


@pytest.mark.parametrize("plan", ["enable_nestloop", "enable_hashjoin, enable_mergejoin, enable_seqscan"])
def test_concurrent_releases_lose_nothing_whatever_the_plan(plan: str, run_concurrently: RunConcurrently) -> None:
    """Rows that change while a statement waits for them are checked again, which some plans did wrongly."""
    owners = [uuid7() for _ in range(5)]
    Limit.objects.bulk_create(
        Limit(owner=owner, scope="day", slot="2026-11-29", taken=100, cap=100) for owner in owners
    )

    def release(_: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for setting in plan.split(", "):
                cursor.execute(f"SET LOCAL {setting} = off")
            limits.release(taken=[TakenLimit(owner, "day", "2026-11-29", 0, 2) for owner in owners])

    assert set(run_concurrently(release, range(40))) == {None}
    assert {row.taken for row in Limit.objects.all()} == {20}


def test_expiring_and_reserving_never_deadlock(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand = BrandFactory()
    codes = [f"CODE{number}" for number in range(5)]
    for code in codes:
        PromotionFactory(brand=brand, trigger="code", text=code, percent="1", budget=100_000, limit_per_day=100)
    buyers = shoppers(60)
    for shopper in buyers[:30]:
        reserve(brand, shopper, at, *codes, order=shopper.customer_id)

    later = at + timedelta(seconds=901)
    calls: list[Callable[[], Any]] = [lambda: services.release_expired(at=later) for _ in range(4)]
    calls += [partial(reserve, brand, shopper, later, *codes, order=shopper.customer_id) for shopper in buyers[30:]]
    results = run_concurrently(lambda call: call(), calls)

    assert sum(result for result in results[:4]) == 30
    assert {type(result) for result in results[4:]} == {Redemption}, results
    assert sum(counter.taken for counter in Limit.objects.filter(scope="day")) == 30 * len(codes)
