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

from accounts.contracts import Shopper
from accounts.models import Brand
from checkout import services
from checkout.contracts import QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from core import db
from pricing import Cart, Line
from promotions.models import Promotion, PromotionCounter, PromotionRedemption
from promotions.services import limits
from redemptions.errors import BudgetExhausted, CodeAlreadyUsed, UsageLimitPerCustomer
from redemptions.statuses import RedemptionStatus
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
        request=request, options=RedemptionOptions(order, brand.pk, fingerprint), shopper=shopper, at=at
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
    assert sum(counter.taken for counter in PromotionCounter.objects.all()) == budget // 40 * 40
    assert sum(redemption.amount for redemption in PromotionRedemption.objects.all()) <= budget


def take_next_to_a_locked_shard(
    promotion: Promotion, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> Counter[type]:
    """Let two callers find no capacity while each keeps a lock on another shard.

    This happens when shards are used up between the read and the lock.
    """
    barrier, fetch_one = threading.Barrier(2), db.fetch_one

    def lock_a_shard(path: str, params: Mapping[str, Any]) -> db.Row | None:
        if not path.endswith("take_limit.sql"):
            return fetch_one(path, params)
        shard_row = PromotionCounter.objects.filter(promotion=promotion, shard=params["home"])
        assert shard_row.select_for_update().first()
        barrier.wait(5)
        return None

    def take(home: int) -> Any:
        with transaction.atomic():
            return limits.take(promotion=promotion.pk, kind="budget", scope_key="", amount=150, cap=1600, home=home)

    monkeypatch.setattr(db, "fetch_one", lock_a_shard)
    return Counter(map(type, run_concurrently(take, [3, 5])))


@pytest.fixture
def sharded_promotion() -> Promotion:
    """Promotion whose budget of 1600 is split into shards of 100."""
    promotion = PromotionFactory(budget=1600)
    PromotionCounter.objects.bulk_create(
        PromotionCounter(promotion=promotion, kind="budget", shard=shard, cap=100) for shard in range(16)
    )
    return promotion


def test_consolidating_shards_holds_no_lock_that_another_waits_for(
    sharded_promotion: Promotion, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take_next_to_a_locked_shard(sharded_promotion, run_concurrently, monkeypatch) == {tuple: 2}
    assert sum(counter.taken for counter in PromotionCounter.objects.all()) == 300


def test_without_the_savepoint_consolidating_shards_deadlocks(
    sharded_promotion: Promotion, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail."""
    monkeypatch.setattr(transaction, "savepoint_rollback", lambda _: None)

    assert take_next_to_a_locked_shard(sharded_promotion, run_concurrently, monkeypatch) == {
        tuple: 1,
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
    row = PromotionCounter.objects.create(promotion=promotion, kind="budget", cap=400)
    counters = PromotionCounter.objects.filter(pk=row.pk)

    def check_then_take(_: int) -> None:
        counter = counters.get()
        if counter.taken + 100 <= counter.cap:
            counters.update(taken=F("taken") + 100)

    taken = 0
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE promotions_promotioncounter DROP CONSTRAINT promotions_counter_within_cap")
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
                "ALTER TABLE promotions_promotioncounter"
                " ADD CONSTRAINT promotions_counter_within_cap CHECK (taken >= 0 AND taken <= cap)"
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
    assert PromotionRedemption.objects.count() == 1


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
    assert sum(counter.taken for counter in PromotionCounter.objects.all()) == 0
    assert not PromotionRedemption.objects.exists()


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
    assert sum(counter.taken for counter in PromotionCounter.objects.filter(kind="day")) == 30 * len(codes)
