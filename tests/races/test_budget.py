"""A budget is never overspent and a limit never passed, however many carts come at the same moment."""

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
from checkout.models import Redemption, Status
from core import db
from pricing import Cart, Line
from promotions.errors import BudgetExhausted, CodeAlreadyUsed, UsageLimitPerCustomer
from promotions.models import Promotion, PromotionCounter, PromotionRedemption
from promotions.services import limits
from tests.factories import BrandFactory, CustomerFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def shoppers(number: int) -> list[Shopper]:
    return [Shopper(customer.pk, customer.customer_id) for customer in CustomerFactory.create_batch(number)]


def reserve(brand: Brand, who: Shopper, at: datetime, *codes: str, order: str, price: int = 10_000) -> Redemption:
    line = Line(id="a", sku="shoe", quantity=1, unit_price=price, brand=brand.slug)
    asked = QuoteRequest(Cart(currency="EUR", exponent=2, lines=(line,)), codes, shop=brand.slug)
    fingerprint = hashlib.sha256(repr(asked).encode()).digest()
    return services.reserve(request=asked, options=RedemptionOptions(order, brand.pk, fingerprint), shopper=who, at=at)


@pytest.mark.parametrize("budget", [1_250, 40_000])  # one row; 16 shards of 25.00
def test_100_carts_on_a_budget_for_40_make_exactly_40(
    budget: int, run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = BrandFactory()
    PromotionFactory(brand=brand, trigger="code", text="SPRING", percent="10", budget=budget)
    price = budget // 40 * 10

    results = run_concurrently(
        lambda one: reserve(brand, one, at, "SPRING", order=one.customer_id, price=price), shoppers(100)
    )

    assert Counter(type(result) for result in results) == {Redemption: 40, BudgetExhausted: 60}
    assert sum(counter.taken for counter in PromotionCounter.objects.all()) == budget // 40 * 40
    assert sum(use.amount for use in PromotionRedemption.objects.all()) <= budget


def take_beside_a_locked_shard(
    promotion: Promotion, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> Counter[type]:
    """Two whose look found nothing, and left each another shard locked: rows used up between the look and the lock."""
    both, look = threading.Barrier(2), db.fetch_one

    def look_and_leave_a_lock(path: str, params: Mapping[str, Any]) -> db.Row | None:
        if not path.endswith("take_counter.sql"):
            return look(path, params)
        mine = PromotionCounter.objects.filter(promotion=promotion, shard=params["home"])
        assert mine.select_for_update().first()
        both.wait(5)
        return None

    def take(home: int) -> Any:
        with transaction.atomic():
            return limits.take(promotion=promotion.pk, kind="budget", scope_key="", amount=150, cap=1600, home=home)

    monkeypatch.setattr(db, "fetch_one", look_and_leave_a_lock)
    return Counter(map(type, run_concurrently(take, [3, 5])))


@pytest.fixture
def divided() -> Promotion:
    """A promotion whose budget of 1600 lies in shards of 100 each."""
    promotion = PromotionFactory(budget=1600)
    PromotionCounter.objects.bulk_create(
        PromotionCounter(promotion=promotion, kind="budget", shard=shard, cap=100) for shard in range(16)
    )
    return promotion


def test_who_gathers_what_is_left_holds_no_shard_that_another_gatherer_waits_for(
    divided: Promotion, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take_beside_a_locked_shard(divided, run_concurrently, monkeypatch) == {tuple: 2}
    assert sum(counter.taken for counter in PromotionCounter.objects.all()) == 300


def test_without_the_savepoint_around_the_look_two_gatherers_deadlock(
    divided: Promotion, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof that the test above can fail."""
    monkeypatch.setattr(transaction, "savepoint_rollback", lambda _: None)

    assert take_beside_a_locked_shard(divided, run_concurrently, monkeypatch) == {tuple: 1, OperationalError: 1}


def test_an_automatic_promotion_goes_to_as_many_as_its_budget_covers_and_the_rest_pay_full(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = BrandFactory()
    PromotionFactory(brand=brand, budget=40_000)

    results = run_concurrently(lambda one: reserve(brand, one, at, order=one.customer_id), shoppers(100))

    assert Counter(result.discount_total for result in results) == {1_000: 40, 0: 60}


def test_without_the_conditional_update_a_look_before_overspends(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    """The proof that the tests above can fail: look, then take, with the constraint away."""
    promotion = PromotionFactory(budget=400)
    row = PromotionCounter.objects.create(promotion=promotion, kind="budget", cap=400)
    mine = PromotionCounter.objects.filter(pk=row.pk)

    def look_then_take(_: int) -> None:
        counter = mine.get()
        if counter.taken + 100 <= counter.cap:
            mine.update(taken=F("taken") + 100)

    taken = 0
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE promotions_promotioncounter DROP CONSTRAINT promotions_counter_within_cap")
        try:
            for _ in range(10):
                run_concurrently(look_then_take, range(40))
                taken = mine.get().taken
                if taken > 400:
                    break
                mine.update(taken=0)
        finally:
            mine.update(taken=0)
            cursor.execute(
                "ALTER TABLE promotions_promotioncounter"
                " ADD CONSTRAINT promotions_counter_within_cap CHECK (taken >= 0 AND taken <= cap)"
            )

    assert taken > 400


def test_50_carts_of_one_shopper_pass_a_limit_of_two_twice(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand, (one,) = BrandFactory(), shoppers(1)
    PromotionFactory(brand=brand, trigger="code", text="SPRING", limit_per_user=2)

    results = run_concurrently(lambda number: reserve(brand, one, at, "SPRING", order=str(number)), range(50))

    assert Counter(type(result) for result in results) == {Redemption: 2, UsageLimitPerCustomer: 48}


def test_100_carts_take_a_single_use_code_once(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand = BrandFactory()
    PromotionFactory(brand=brand, trigger="code", text="UNIQUE", text__single_use=True)

    results = run_concurrently(lambda one: reserve(brand, one, at, "UNIQUE", order=one.customer_id), shoppers(100))

    assert Counter(type(result) for result in results) == {Redemption: 1, CodeAlreadyUsed: 99}
    assert PromotionRedemption.objects.count() == 1


def test_many_carts_over_the_same_limited_promotions_never_deadlock_and_give_everything_back(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = BrandFactory()
    codes = [f"CODE{number}" for number in range(6)]
    for code in codes:
        PromotionFactory(
            brand=brand, trigger="code", text=code, percent="1", budget=100_000, limit_total=200, limit_per_day=200
        )

    def cart(one: Shopper) -> Any:
        shuffled = sorted(codes, key=lambda code: hashlib.sha256(f"{one.id}{code}".encode()).digest())
        return services.cancel(redemption=reserve(brand, one, at, *shuffled, order=one.customer_id), at=at)

    results = run_concurrently(cart, shoppers(40))

    assert {type(result) for result in results} == {Redemption}, results
    assert {result.status for result in results} == {Status.CANCELED}
    assert sum(counter.taken for counter in PromotionCounter.objects.all()) == 0
    assert not PromotionRedemption.objects.exists()


def test_sweeping_and_selling_at_once_never_deadlock(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand = BrandFactory()
    codes = [f"CODE{number}" for number in range(5)]
    for code in codes:
        PromotionFactory(brand=brand, trigger="code", text=code, percent="1", budget=100_000, limit_per_day=100)
    buyers = shoppers(60)
    for one in buyers[:30]:
        reserve(brand, one, at, *codes, order=one.customer_id)

    later = at + timedelta(seconds=901)
    verbs: list[Callable[[], Any]] = [lambda: services.release_expired(at=later) for _ in range(4)]
    verbs += [partial(reserve, brand, one, later, *codes, order=one.customer_id) for one in buyers[30:]]
    results = run_concurrently(lambda verb: verb(), verbs)

    assert sum(result for result in results[:4]) == 30
    assert {type(result) for result in results[4:]} == {Redemption}, results
    assert sum(counter.taken for counter in PromotionCounter.objects.filter(kind="day")) == 30 * len(codes)
