"""A coupon is redeemed no more often than its maximum, in all and by one shopper, however many come at once."""

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

from core import db
from core.errors import Busy
from core.ids import uuid7
from coupons import consistency, rules, services
from coupons.contracts import RedemptionRequest
from coupons.errors import CouponLimitPerCustomer, CouponLimitReached
from coupons.models import (
    CouponCounter,
    CouponDefinition,
    CouponRedemption,
    CouponUnit,
    RedeemedCode,
    UserCouponRedemption,
)
from coupons.services import transitions
from coupons.services.limits import LIMITS
from promotions import limit_rules
from promotions.errors import CodeAlreadyUsed
from tests.factories import CouponFactory, CustomerFactory
from tests.platform import until

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
STRICT = ["exact", "sharded", "pool"]


def customers(number: int) -> list[int]:
    return [customer.pk for customer in CustomerFactory.create_batch(number)]


def take(coupon: CouponDefinition, customer: int, at: datetime, *, until: datetime | None = None) -> CouponRedemption:
    """Redeem in a transaction of one's own, trying again while it is busy, as a client would."""
    while True:
        try:
            with transaction.atomic():
                return services.redeem(
                    coupon=coupon.pk, request=RedemptionRequest(uuid7(), customer, reserved_until=until), at=at
                )
        except Busy:
            continue


def standing(coupon: CouponDefinition) -> int:
    return CouponRedemption.objects.filter(coupon=coupon, status__in=["reserved", "confirmed"]).count()


def differences(at: datetime) -> list[str]:
    return list(consistency.check(at=at, repair=False))


def someone_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks WHERE database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return cursor.fetchone() is not None


@pytest.fixture(autouse=True)
def sixteen_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also small maxima are divided."""
    monkeypatch.setattr(limit_rules, "SHARDING_THRESHOLD", 16)


@pytest.mark.parametrize("strategy", STRICT)
def test_60_shoppers_at_a_coupon_for_25_redeem_it_exactly_25_times(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=25, limit_strategy=strategy)

    results = run_concurrently(lambda one: take(coupon, one, at), customers(60))

    assert Counter(map(type, results)) == {CouponRedemption: 25, CouponLimitReached: 35}
    assert standing(coupon) == 25
    assert differences(at) == []


@pytest.mark.parametrize("strategy", STRICT)
def test_60_shoppers_who_are_served_together_redeem_it_exactly_25_times_too(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=25, limit_strategy=strategy)

    results = run_concurrently(
        lambda one: services.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), one), at=at), customers(60)
    )

    assert Counter(map(type, results)) == {CouponRedemption: 25, CouponLimitReached: 35}
    assert standing(coupon) == 25
    assert differences(at) == []


def test_without_the_conditional_update_a_look_before_redeems_too_often(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=5)
    counter = CouponCounter.objects.filter(coupon_id=coupon.pk)
    everyone_has_looked = threading.Barrier(20)

    def look_then_take(customer: int) -> None:
        (row,) = counter.values_list("taken", "cap")
        everyone_has_looked.wait(30)
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

    run_concurrently(look_then_take, customers(20))

    assert standing(coupon) == 20, "the race that the conditional update prevents"
    assert len(differences(at)) > 0


def test_an_approximate_coupon_stays_within_its_bound(
    run_concurrently: RunConcurrently, at: datetime, settings: Any
) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 60
    coupon = CouponFactory(maximum_number_of_coupons=25, limit_strategy="approximate")

    results = run_concurrently(lambda one: take(coupon, one, at), customers(60))
    bound = rules.max_overshoot(cap=25, processes=1, threads=60)

    assert set(map(type, results)) <= {CouponRedemption, CouponLimitReached}
    assert 25 <= standing(coupon) <= 25 + bound
    with pytest.raises(CouponLimitReached):
        take(coupon, customers(1)[0], at)


@pytest.mark.parametrize("strategy", [*STRICT, "approximate"])
def test_50_requests_of_one_shopper_pass_a_limit_of_two_twice(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=100, maximum_number_of_coupons_per_user=2, limit_strategy=strategy)
    (one,) = customers(1)

    results = run_concurrently(lambda _: take(coupon, one, at), range(50))

    assert Counter(map(type, results)) == {CouponRedemption: 2, CouponLimitPerCustomer: 48}
    assert UserCouponRedemption.objects.get(coupon=coupon).redemption_count == standing(coupon) == 2
    assert differences(at) == []


def test_without_the_conditional_upsert_a_look_before_lets_one_shopper_have_more(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons_per_user=1)
    (one,) = customers(1)
    mine = UserCouponRedemption.objects.filter(coupon=coupon)
    UserCouponRedemption.objects.create(coupon=coupon, customer_id=one, redemption_count=0, cap=None)
    everyone_has_looked = threading.Barrier(10)

    def look_then_take(_: int) -> None:
        had = mine.get().redemption_count
        everyone_has_looked.wait(30)
        if had < 1:
            CouponRedemption.objects.create(
                id=uuid7(), coupon=coupon, customer_id=one, status="confirmed", redeemed_at=at, changed_at=at
            )
            mine.update(redemption_count=F("redemption_count") + 1)

    run_concurrently(look_then_take, range(10))

    assert standing(coupon) == mine.get().redemption_count == 10, "the race that the conditional upsert prevents"


def test_40_shoppers_with_one_code_that_is_good_once_redeem_it_once(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory()
    batch = services.add_codes(coupon=coupon, codes=services.CodesSpec(count=1))
    (code,) = batch.codes.values_list("text", flat=True)

    results = run_concurrently(
        lambda one: services.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), one, code), at=at), customers(40)
    )

    assert Counter(map(type, results)) == {CouponRedemption: 1, CodeAlreadyUsed: 39}
    assert RedeemedCode.objects.count() == standing(coupon) == 1
    assert differences(at) == []


def test_without_the_key_a_look_before_spends_a_code_twice(run_concurrently: RunConcurrently) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE coupons_spentcode DROP CONSTRAINT coupons_spentcode_pkey")
    everyone_has_looked = threading.Barrier(10)

    def look_then_spend(_: int) -> None:
        free = not RedeemedCode.objects.filter(code="ONCE").exists()
        everyone_has_looked.wait(30)
        if free:
            RedeemedCode.objects.bulk_create([RedeemedCode(code="ONCE", redemption_id=uuid7())])

    try:
        run_concurrently(look_then_spend, range(10))
        assert RedeemedCode.objects.count() == 10, "the race that the key prevents"
    finally:
        RedeemedCode.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE coupons_spentcode ADD CONSTRAINT coupons_spentcode_pkey PRIMARY KEY (code)")


def test_without_locked_rows_a_look_before_gives_one_unit_to_many(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=10, limit_strategy="pool")
    units = CouponUnit.objects.filter(coupon_id=coupon.pk)
    everyone_has_looked = threading.Barrier(10)

    def look_then_take(customer: int) -> None:
        unit, made = units.filter(redemption_id=None).order_by("number")[0].number, uuid7()
        everyone_has_looked.wait(30)
        units.filter(number=unit).update(redemption_id=made)
        CouponRedemption.objects.create(
            id=made, coupon=coupon, customer_id=customer, status="confirmed", redeemed_at=at, changed_at=at, unit=unit
        )

    run_concurrently(look_then_take, customers(10))

    assert CouponRedemption.objects.filter(coupon=coupon, unit=1).count() == 10, "the race that locked rows prevent"
    assert len(differences(at)) > 0


def take_and_give_back(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> Counter[type]:
    """One whose look found nothing, and left a shard locked that was used up between the look and the lock; and one
    who gives back to the shard that the first will wait for, and then to that which it left locked."""
    coupon, look = CouponFactory(maximum_number_of_coupons=32, limit_strategy="sharded"), db.fetch_one
    shards = CouponCounter.objects.filter(coupon_id=coupon.pk)
    shards.update(taken=2)
    shards.filter(shard=0).update(taken=1)
    locked = threading.Event()

    def look_and_leave_a_lock(path: str, params: Mapping[str, Any]) -> db.Row | None:
        if not path.endswith("take_shard.sql"):
            return look(path, params)
        assert shards.filter(shard=1).select_for_update().first()
        locked.set()
        until(someone_waits, "the giver waits for a lock", 10)
        return None

    def give_back() -> int:
        locked.wait(10)
        LIMITS["sharded"].release(coupon=coupon.pk, taken=[(0, uuid7()), (1, uuid7())])
        return 2

    monkeypatch.setattr(db, "fetch_one", look_and_leave_a_lock)
    with_a_place = partial(take, coupon, customers(1)[0], at)
    return Counter(map(type, run_concurrently(lambda call: call(), [with_a_place, give_back])))


def test_who_waits_for_a_shard_holds_none_that_a_giver_waits_for(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take_and_give_back(run_concurrently, at, monkeypatch) == {CouponRedemption: 1, int: 1}


def test_without_the_savepoint_around_the_look_a_taker_and_a_giver_deadlock(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof that the test above can fail."""
    monkeypatch.setattr(transaction, "savepoint_rollback", lambda _: None)

    assert take_and_give_back(run_concurrently, at, monkeypatch)[OperationalError] == 1


def end_beside_one_who_finds_none(
    taker: Callable[[CouponDefinition], Any],
    run_concurrently: RunConcurrently,
    at: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Counter[type]:
    """One who takes and finds the counter full, which PostgreSQL keeps locked then, and one who ends a reservation."""
    coupon, look = CouponFactory(maximum_number_of_coupons=1), db.fetch_one
    take(coupon, customers(1)[0], at - timedelta(hours=1), until=at)
    locked = threading.Event()

    def look_and_leave_a_lock(path: str, params: Mapping[str, Any]) -> db.Row | None:
        if locked.is_set() or not path.endswith("take_exact.sql"):
            return look(path, params)
        assert CouponCounter.objects.filter(coupon_id=coupon.pk).select_for_update().first()
        locked.set()
        until(someone_waits, "who ends reservations waits for the counter", 10)
        return None

    def end() -> bool:
        locked.wait(10)
        with transaction.atomic():
            return transitions.expire(coupon=coupon.pk, strategy="exact", at=at)

    monkeypatch.setattr(db, "fetch_one", look_and_leave_a_lock)
    return Counter(map(type, run_concurrently(lambda call: call(), [partial(taker, coupon), end])))


def test_who_found_none_left_lets_go_of_the_counter_before_ending_reservations(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = customers(1)

    def taker(coupon: CouponDefinition) -> CouponRedemption:
        return take(coupon, one, at)

    assert end_beside_one_who_finds_none(taker, run_concurrently, at, monkeypatch) == {CouponRedemption: 1, bool: 1}


def test_within_one_transaction_taking_none_and_ending_reservations_deadlock(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof that the test above can fail."""

    def taker(coupon: CouponDefinition) -> None:
        with transaction.atomic():
            assert LIMITS["exact"].take(coupon=coupon.pk, cap=1, ids=[uuid7()]) == []
            transitions.expire(coupon=coupon.pk, strategy="exact", at=at)

    assert end_beside_one_who_finds_none(taker, run_concurrently, at, monkeypatch)[OperationalError] == 1


@pytest.mark.parametrize("strategy", STRICT)
def test_places_of_reservations_whose_time_is_up_go_at_once_to_those_who_need_them(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=20, limit_strategy=strategy)
    for one in customers(20):
        take(coupon, one, at - timedelta(hours=1), until=at)

    results = run_concurrently(lambda one: take(coupon, one, at), customers(40))

    assert Counter(map(type, results)) == {CouponRedemption: 20, CouponLimitReached: 20}
    assert standing(coupon) == 20
    assert differences(at) == []


def test_a_reservation_ends_once_however_many_confirm_release_and_sweep_it(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=30)
    soon = at + timedelta(minutes=1)
    held = [take(coupon, one, at, until=soon) for one in customers(20)]
    calls: list[Any] = [partial(transitions.confirm, redemption=one.pk, at=at) for one in held]
    calls += [partial(transitions.release, redemption=one.pk, at=at) for one in held]
    calls += [partial(transitions.expire_due, at=soon) for _ in range(4)]

    run_concurrently(lambda call: call(), random.sample(calls, len(calls)))

    confirmed = CouponRedemption.objects.filter(coupon=coupon, status="confirmed").count()
    assert standing(coupon) == confirmed == CouponCounter.objects.get(coupon_id=coupon.pk).taken
    assert differences(soon) == []


def test_without_the_lock_a_look_before_gives_one_place_back_twice(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=5)
    held = [take(coupon, one, at, until=at + timedelta(minutes=1)) for one in customers(1) * 3]
    mine = CouponRedemption.objects.filter(pk=held[0].pk)
    both_have_looked = threading.Barrier(2)

    def look_then_release(_: int) -> None:
        found = mine.get()
        both_have_looked.wait(30)
        if found.status == "reserved":
            with transaction.atomic():
                transitions.release_limit(coupon=coupon.pk, strategy="exact", redemptions=[found])
                mine.update(status="released", ended_at=at, changed_at=at)

    run_concurrently(look_then_release, range(2))

    taken = CouponCounter.objects.get(coupon_id=coupon.pk).taken
    assert (standing(coupon), taken) == (2, 1), "the race that the lock of the redemption prevents"
    assert len(differences(at)) > 0
