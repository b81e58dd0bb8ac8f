"""Concurrent redemptions never exceed the usage limits of a coupon, in total and per customer."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from core import db
from core.errors import Busy
from core.ids import uuid7
from coupons import consistency, services
from coupons.contracts import RedemptionRequest
from coupons.errors import CouponLimitPerCustomer, CouponLimitReached
from coupons.models import (
    CouponDefinition,
    CouponRedemption,
    RedeemedCode,
)
from coupons.services import transitions
from redemptions.errors import CodeAlreadyUsed
from redemptions.limits import rules
from redemptions.limits.contracts import UNLIMITED
from redemptions.limits.models import Limit, LimitUnit
from redemptions.limits.strategies import STRATEGIES
from tests.factories import CouponFactory, CustomerFactory
from tests.platform import wait_until
from tests.races.transactions import is_blocked

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
STRICT_STRATEGIES = ["exact", "sharded", "pool"]


def customers(count: int) -> list[int]:
    return [customer.pk for customer in CustomerFactory.create_batch(count)]


def redeem(coupon: CouponDefinition, customer: int, at: datetime, *, until: datetime | None = None) -> CouponRedemption:
    """Redeem in a separate transaction and retry while the coupon is busy, as a client does."""
    while True:
        try:
            with transaction.atomic():
                return services.redeem(
                    coupon=coupon.pk, request=RedemptionRequest(uuid7(), customer, reserved_until=until), at=at
                )
        except Busy:
            continue


def count_active(coupon: CouponDefinition) -> int:
    return CouponRedemption.objects.filter(coupon=coupon, status__in=["reserved", "confirmed"]).count()


def list_differences(at: datetime) -> list[str]:
    return list(consistency.check(at=at, repair=False))


@pytest.fixture(autouse=True)
def low_sharding_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shard small limits, too."""
    monkeypatch.setattr(rules, "SHARDING_THRESHOLD", 16)


@pytest.mark.parametrize("strategy", STRICT_STRATEGIES)
def test_concurrent_redemptions_never_exceed_the_limit(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=25, limit_strategy=strategy)

    results = run_concurrently(lambda customer: redeem(coupon, customer, at), customers(60))

    assert Counter(map(type, results)) == {CouponRedemption: 25, CouponLimitReached: 35}
    assert count_active(coupon) == 25
    assert list_differences(at) == []


@pytest.mark.parametrize("strategy", STRICT_STRATEGIES)
def test_batched_redemptions_never_exceed_the_limit(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=25, limit_strategy=strategy)

    results = run_concurrently(
        lambda customer: services.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), customer), at=at),
        customers(60),
    )

    assert Counter(map(type, results)) == {CouponRedemption: 25, CouponLimitReached: 35}
    assert count_active(coupon) == 25
    assert list_differences(at) == []


def test_without_the_conditional_update_the_limit_is_exceeded(run_concurrently: RunConcurrently, at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=5)
    counter = Limit.objects.filter(owner=coupon.pk, scope__startswith="total")
    barrier = threading.Barrier(20)

    def check_then_redeem(customer: int) -> None:
        (row,) = counter.values_list("taken", "cap")
        barrier.wait(30)
        if row[0] < row[1]:
            CouponRedemption.objects.create(
                id=uuid7(),
                coupon=coupon,
                customer_id=customer,
                status="confirmed",
                redeemed_at=at,
                changed_at=at,
                unit=0,
            )
            counter.update(taken=row[0] + 1)

    run_concurrently(check_then_redeem, customers(20))

    assert count_active(coupon) == 20, "the race that the conditional update prevents"
    assert len(list_differences(at)) > 0


def test_approximate_coupon_stays_within_its_overshoot(
    run_concurrently: RunConcurrently, at: datetime, settings: Any
) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 60
    coupon = CouponFactory(maximum_number_of_coupons=25, limit_strategy="approximate")

    results = run_concurrently(lambda customer: redeem(coupon, customer, at), customers(60))
    bound = rules.max_overshoot(cap=25, processes=1, threads=60)

    assert set(map(type, results)) <= {CouponRedemption, CouponLimitReached}
    assert 25 <= count_active(coupon) <= 25 + bound
    with pytest.raises(CouponLimitReached):
        redeem(coupon, customers(1)[0], at)


@pytest.mark.parametrize("strategy", [*STRICT_STRATEGIES, "approximate"])
def test_concurrent_redemptions_never_exceed_the_limit_per_customer(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=100, maximum_number_of_coupons_per_user=2, limit_strategy=strategy)
    (customer,) = customers(1)

    results = run_concurrently(lambda _: redeem(coupon, customer, at), range(50))

    assert Counter(map(type, results)) == {CouponRedemption: 2, CouponLimitPerCustomer: 48}
    assert Limit.objects.get(owner=coupon.pk, scope="customer").taken == count_active(coupon) == 2
    assert list_differences(at) == []


def test_without_the_conditional_upsert_the_limit_per_customer_is_exceeded(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons_per_user=1)
    (customer,) = customers(1)
    counts = Limit.objects.filter(owner=coupon.pk, scope="customer")
    Limit.objects.create(owner=coupon.pk, scope="customer", slot=str(customer), cap=UNLIMITED)
    barrier = threading.Barrier(10)

    def check_then_redeem(_: int) -> None:
        count = counts.get().taken
        barrier.wait(30)
        if count < 1:
            CouponRedemption.objects.create(
                id=uuid7(), coupon=coupon, customer_id=customer, status="confirmed", redeemed_at=at, changed_at=at
            )
            counts.update(taken=F("taken") + 1)

    run_concurrently(check_then_redeem, range(10))

    assert count_active(coupon) == counts.get().taken == 10, "the race that the conditional upsert prevents"


def test_concurrent_shoppers_redeem_a_single_use_coupon_code_once(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory()
    batch = services.add_codes(coupon=coupon, codes=services.CodesSpec(count=1), at=timezone.now())
    (code,) = batch.codes.values_list("text", flat=True)

    results = run_concurrently(
        lambda customer: services.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), customer, code), at=at),
        customers(40),
    )

    assert Counter(map(type, results)) == {CouponRedemption: 1, CodeAlreadyUsed: 39}
    assert RedeemedCode.objects.count() == count_active(coupon) == 1
    assert list_differences(at) == []


def test_without_the_key_a_coupon_code_is_redeemed_twice(run_concurrently: RunConcurrently) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE coupons_spentcode DROP CONSTRAINT coupons_spentcode_pkey")
    barrier, coupon = threading.Barrier(10), uuid7()

    def check_then_redeem(_: int) -> None:
        is_unused = not RedeemedCode.objects.filter(code="ONCE").exists()
        barrier.wait(30)
        if is_unused:
            RedeemedCode.objects.bulk_create([RedeemedCode(coupon_id=coupon, code="ONCE", redemption_id=uuid7())])

    try:
        run_concurrently(check_then_redeem, range(10))
        assert RedeemedCode.objects.count() == 10, "the race that the key prevents"
    finally:
        RedeemedCode.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER TABLE coupons_spentcode ADD CONSTRAINT coupons_spentcode_pkey PRIMARY KEY (coupon_id, code)"
            )


def test_without_row_locks_a_pool_unit_is_taken_twice(run_concurrently: RunConcurrently, at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=10, limit_strategy="pool")
    units = LimitUnit.objects.filter(owner=coupon.pk)
    barrier = threading.Barrier(10)

    def check_then_take(customer: int) -> None:
        unit, redemption_id = units.filter(redemption_id=None).order_by("number")[0].number, uuid7()
        barrier.wait(30)
        units.filter(number=unit).update(redemption_id=redemption_id)
        CouponRedemption.objects.create(
            id=redemption_id,
            coupon=coupon,
            customer_id=customer,
            status="confirmed",
            redeemed_at=at,
            changed_at=at,
            unit=unit,
        )

    run_concurrently(check_then_take, customers(10))

    assert CouponRedemption.objects.filter(coupon=coupon, unit=1).count() == 10, "the race that locked rows prevent"
    assert len(list_differences(at)) > 0


def redeem_while_releasing(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> Counter[type]:
    """Run a redemption that waits for a shard while it may hold another, and a release of both shards.

    The shard of the redemption is used up between the read and the lock.
    """
    coupon, fetch_one = CouponFactory(maximum_number_of_coupons=32, limit_strategy="sharded"), db.fetch_one
    shards = Limit.objects.filter(owner=coupon.pk, scope__startswith="total")
    shards.update(taken=2)
    shards.filter(shard=0).update(taken=1)
    locked = threading.Event()

    def lock_a_shard(path: str, params: Mapping[str, Any]) -> db.Row | None:
        if not path.endswith("take_shard.sql"):
            return fetch_one(path, params)
        assert shards.filter(shard=1).select_for_update().first()
        locked.set()
        wait_until(is_blocked, "the release waits for a lock", 10)
        return None

    def release() -> int:
        locked.wait(10)
        STRATEGIES["sharded"].release(owner=coupon.pk, taken=[(0, uuid7()), (1, uuid7())])
        return 2

    monkeypatch.setattr(db, "fetch_one", lock_a_shard)
    redeem_one = partial(redeem, coupon, customers(1)[0], at)
    return Counter(map(type, run_concurrently(lambda call: call(), [redeem_one, release])))


def test_waiting_for_a_shard_holds_no_lock_that_a_release_waits_for(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert redeem_while_releasing(run_concurrently, at, monkeypatch) == {CouponRedemption: 1, int: 1}


def test_without_the_savepoint_redeeming_and_releasing_deadlock(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail."""
    monkeypatch.setattr(transaction, "savepoint_rollback", lambda _: None)

    assert redeem_while_releasing(run_concurrently, at, monkeypatch)[OperationalError] == 1


def expire_while_redeeming(
    redeem_one: Callable[[CouponDefinition], Any],
    run_concurrently: RunConcurrently,
    at: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Counter[type]:
    """Run a redemption that finds the counter full, which keeps it locked, and an expiry of reservations."""
    coupon, fetch_one = CouponFactory(maximum_number_of_coupons=1), db.fetch_one
    redeem(coupon, customers(1)[0], at - timedelta(hours=1), until=at)
    locked = threading.Event()

    def lock_the_counter(path: str, params: Mapping[str, Any]) -> db.Row | None:
        if locked.is_set() or not path.endswith("take_exact.sql"):
            return fetch_one(path, params)
        assert Limit.objects.filter(owner=coupon.pk, scope__startswith="total").select_for_update().first()
        locked.set()
        wait_until(is_blocked, "the expiry waits for the counter", 10)
        return None

    def expire() -> bool:
        locked.wait(10)
        with transaction.atomic():
            return transitions.expire(coupon=coupon.pk, strategy="exact", at=at)

    monkeypatch.setattr(db, "fetch_one", lock_the_counter)
    return Counter(map(type, run_concurrently(lambda call: call(), [partial(redeem_one, coupon), expire])))


def test_counter_is_unlocked_before_reservations_are_expired(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (customer,) = customers(1)

    def redeem_one(coupon: CouponDefinition) -> CouponRedemption:
        return redeem(coupon, customer, at)

    assert expire_while_redeeming(redeem_one, run_concurrently, at, monkeypatch) == {CouponRedemption: 1, bool: 1}


def test_redeeming_and_expiring_in_one_transaction_deadlock(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail."""

    def redeem_one(coupon: CouponDefinition) -> None:
        with transaction.atomic():
            assert STRATEGIES["exact"].take(owner=coupon.pk, cap=1, ids=[uuid7()]) == []
            transitions.expire(coupon=coupon.pk, strategy="exact", at=at)

    assert expire_while_redeeming(redeem_one, run_concurrently, at, monkeypatch)[OperationalError] == 1


@pytest.mark.parametrize("strategy", STRICT_STRATEGIES)
def test_expired_reservations_are_released_for_waiting_redemptions(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=20, limit_strategy=strategy)
    for customer in customers(20):
        redeem(coupon, customer, at - timedelta(hours=1), until=at)

    results = run_concurrently(lambda customer: redeem(coupon, customer, at), customers(40))

    assert Counter(map(type, results)) == {CouponRedemption: 20, CouponLimitReached: 20}
    assert count_active(coupon) == 20
    assert list_differences(at) == []


def test_reservation_has_one_transition_under_concurrency(run_concurrently: RunConcurrently, at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=30)
    expiry = at + timedelta(minutes=1)
    reservations = [redeem(coupon, one, at, until=expiry) for one in customers(20)]
    calls: list[Any] = [partial(transitions.confirm, redemption=one.pk, at=at) for one in reservations]
    calls += [partial(transitions.release, redemption=one.pk, at=at) for one in reservations]
    calls += [partial(transitions.expire_due, at=expiry) for _ in range(4)]

    run_concurrently(lambda call: call(), random.sample(calls, len(calls)))

    confirmed = CouponRedemption.objects.filter(coupon=coupon, status="confirmed").count()
    assert count_active(coupon) == confirmed == Limit.objects.get(owner=coupon.pk, scope__startswith="total").taken
    assert list_differences(expiry) == []


def test_without_the_lock_a_reservation_is_released_twice(run_concurrently: RunConcurrently, at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=5)
    reservations = [redeem(coupon, customer, at, until=at + timedelta(minutes=1)) for customer in customers(1) * 3]
    reservation = CouponRedemption.objects.filter(pk=reservations[0].pk)
    barrier = threading.Barrier(2)

    def check_then_release(_: int) -> None:
        read = reservation.get()
        barrier.wait(30)
        if read.status == "reserved":
            with transaction.atomic():
                transitions.release_limit(coupon=coupon.pk, strategy="exact", redemptions=[read], at=at)
                reservation.update(status="released", ended_at=at, changed_at=at)

    run_concurrently(check_then_release, range(2))

    taken = Limit.objects.get(owner=coupon.pk, scope__startswith="total").taken
    assert (count_active(coupon), taken) == (2, 1), "the race that the lock of the redemption prevents"
    assert len(list_differences(at)) > 0
