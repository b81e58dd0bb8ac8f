"""Limits of coupons, by strategy."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from core.errors import Busy, InvalidRequest
from core.ids import uuid7
from coupons import consistency, selectors, services
from coupons.contracts import RedemptionRequest
from coupons.errors import CouponLimitReached
from coupons.models import CouponDefinition, CouponRedemption
from redemptions.limits import rules
from redemptions.limits.models import Limit, LimitUnit
from redemptions.limits.strategies import approximate, pool
from redemptions.uses.services import pools
from tests.factories import CouponFactory, CustomerFactory

pytestmark = pytest.mark.django_db
EXACT_STRATEGIES = ["exact", "sharded", "pool"]


def redeem(coupon: CouponDefinition, at: datetime, *, until: datetime | None = None) -> CouponRedemption:
    request = RedemptionRequest(uuid7(), CustomerFactory().pk, reserved_until=until)
    return services.redeem(coupon=coupon.pk, request=request, at=at)


def remaining(coupon: CouponDefinition) -> int | None:
    return selectors.remaining(coupons=[coupon.pk]).get(coupon.pk)


def counter(coupon: CouponDefinition) -> Limit:
    return Limit.objects.get(owner=coupon.pk, scope__startswith="total")


@pytest.mark.parametrize("maximum", [1, 17, 40])
@pytest.mark.parametrize("strategy", EXACT_STRATEGIES)
def test_sequential_redemptions_use_the_whole_limit(strategy: str, maximum: int, at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=maximum, limit_strategy=strategy)

    for taken in range(maximum):
        assert remaining(coupon) == maximum - taken
        redeem(coupon, at)

    assert remaining(coupon) == 0
    with pytest.raises(CouponLimitReached):
        redeem(coupon, at)


@pytest.mark.parametrize("strategy", [*EXACT_STRATEGIES, "approximate"])
def test_released_units_can_be_redeemed_again(strategy: str, at: datetime, settings: Any) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 1
    coupon = CouponFactory(maximum_number_of_coupons=3, limit_strategy=strategy)
    reservations = [redeem(coupon, at, until=at + timedelta(hours=1)) for _ in range(3)]
    if strategy == "approximate":
        consistency.recount_approximate(at=at)

    services.release(redemption=reservations[1].pk, at=at)

    assert remaining(coupon) == 1
    redeem(coupon, at)
    assert list(consistency.check(at=at, repair=False)) == []


def test_a_coupon_without_a_limit_has_no_counter(at: datetime) -> None:
    coupon = CouponFactory()

    redeem(coupon, at)

    assert not Limit.objects.filter(owner=coupon.pk, scope__startswith="total").exists()
    assert remaining(coupon) is None


@pytest.mark.parametrize("strategy", [*EXACT_STRATEGIES, "approximate"])
def test_a_limit_can_be_raised_and_lowered(strategy: str, at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=20, limit_strategy=strategy)
    for _ in range(5):
        redeem(coupon, at)

    services.change(coupon=coupon, fields={"maximum_number_of_coupons": 50}, at=at)
    pools.create_units(owner=coupon.pk, at=at)
    assert remaining(coupon) == 45
    services.change(coupon=coupon, fields={"maximum_number_of_coupons": 5}, at=at)
    assert remaining(coupon) == 0


@pytest.mark.parametrize("strategy", [*EXACT_STRATEGIES, "approximate"])
def test_below_a_lowered_limit_nothing_is_given_until_enough_was_released(
    strategy: str, at: datetime, settings: Any
) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 1
    coupon = CouponFactory(maximum_number_of_coupons=20, limit_strategy=strategy)
    reservations = [redeem(coupon, at, until=at + timedelta(hours=1)) for _ in range(5)]
    consistency.recount_approximate(at=at)

    services.change(coupon=coupon, fields={"maximum_number_of_coupons": 3}, at=at)

    for released in reservations[:2]:
        assert remaining(coupon) == 0
        with pytest.raises(CouponLimitReached):
            redeem(coupon, at)
        services.release(redemption=released.pk, at=at)
    assert remaining(coupon) == 0
    services.release(redemption=reservations[2].pk, at=at)
    assert remaining(coupon) == 1
    redeem(coupon, at)
    assert list(consistency.check(at=at, repair=False)) == []
    services.change(coupon=coupon, fields={"maximum_number_of_coupons": 4}, at=at)
    pools.create_units(owner=coupon.pk, at=at)
    assert remaining(coupon) == 1
    assert list(consistency.check(at=at, repair=False)) == []


@pytest.mark.parametrize("after", EXACT_STRATEGIES)
@pytest.mark.parametrize("before", [*EXACT_STRATEGIES, "approximate"])
def test_the_strategy_can_change_until_the_coupon_starts(before: str, after: str, at: datetime) -> None:
    coupon = CouponFactory(
        maximum_number_of_coupons=20, limit_strategy=before, start_date=at + timedelta(days=1)
    )  # fmt: skip

    services.change(coupon=coupon, fields={"limit_strategy": after}, at=at)

    assert remaining(coupon) == 20
    redeem(coupon, at + timedelta(days=2))
    assert list(consistency.check(at=at, repair=False)) == []


@pytest.mark.parametrize("fields", [{"limit_strategy": "pool"}, {"offer": {}}, {"start_date": None}])
def test_the_strategy_and_the_offer_are_immutable_after_the_start(fields: dict[str, Any], at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=20)

    with pytest.raises(InvalidRequest) as error_info:
        services.change(coupon=coupon, fields=fields, at=at)

    assert [row["code"] for row in (error_info.value.errors or [])] == ["immutable"]
    assert remaining(coupon) == 20


# --- pools ------------------------------------------------------------------------------------------------------------
def test_a_large_pool_is_created_in_the_background_in_chunks(
    run_outbox: Callable[[], int], monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    monkeypatch.setattr(pool, "INLINE_MAX_UNITS", 10)
    monkeypatch.setattr(pool.create_units, "__kwdefaults__", {"chunk": 15})
    coupon = CouponFactory(maximum_number_of_coupons=50, limit_strategy="pool", start_date=at)
    assert LimitUnit.objects.filter(owner=coupon.pk).count() == counter(coupon).taken == 10
    assert remaining(coupon) == 50

    pools.create_units(owner=coupon.pk, at=at, budget=0)  # stops after one chunk, and enqueues the next
    assert counter(coupon).taken == 25
    run_outbox()

    assert LimitUnit.objects.filter(owner=coupon.pk).count() == counter(coupon).taken == 50
    assert list(consistency.check(at=at, repair=False)) == []


def test_missing_units_of_a_pool_are_reported_as_busy(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "INLINE_MAX_UNITS", 1)
    coupon = CouponFactory(maximum_number_of_coupons=2, limit_strategy="pool")
    redeem(coupon, at)

    with pytest.raises(Busy):
        redeem(coupon, at)

    pools.maintain_pools(at=at)
    redeem(coupon, at)
    with pytest.raises(CouponLimitReached):
        redeem(coupon, at)


def test_outside_quiet_hours_only_pools_that_start_soon_get_units(
    at: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.POOL_BUILD_HOURS = "1-5"
    monkeypatch.setattr(pool, "INLINE_MAX_UNITS", 1)
    later = CouponFactory(maximum_number_of_coupons=9, limit_strategy="pool", start_date=at + timedelta(days=3))
    soon = CouponFactory(maximum_number_of_coupons=9, limit_strategy="pool", start_date=at + timedelta(hours=3))

    pools.maintain_pools(at=at)
    assert (counter(soon).taken, counter(later).taken) == (9, 1)

    pools.maintain_pools(at=at.replace(hour=3))
    assert counter(later).taken == 9


def test_free_units_are_deleted_when_no_reservation_can_be_left_and_used_ones_stay(at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=9, limit_strategy="pool", end_date=at + timedelta(hours=1))
    redeem(coupon, at)

    pools.maintain_pools(at=at + timedelta(hours=2))
    assert LimitUnit.objects.filter(owner=coupon.pk).count() == 9
    pools.maintain_pools(at=at + timedelta(days=7))  # a reservation may be left
    assert LimitUnit.objects.filter(owner=coupon.pk).count() == 9
    pools.maintain_pools(at=at + timedelta(days=9))

    assert LimitUnit.objects.filter(owner=coupon.pk).count() == counter(coupon).taken == 1
    assert list(consistency.check(at=at, repair=False)) == []


def test_no_units_are_created_after_the_strategy_has_changed(
    run_outbox: Callable[[], int], monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    monkeypatch.setattr(pool, "INLINE_MAX_UNITS", 10)
    coupon = CouponFactory(
        maximum_number_of_coupons=50, limit_strategy="pool", start_date=at + timedelta(hours=1)
    )  # fmt: skip

    services.change(coupon=coupon, fields={"limit_strategy": "exact"}, at=at)
    assert run_outbox() > 0
    pools.create_units(owner=coupon.pk, at=at)

    assert not LimitUnit.objects.filter(owner=coupon.pk).exists()
    assert (counter(coupon).taken, remaining(coupon)) == (0, 50)


# --- approximate ------------------------------------------------------------------------------------------------------
def test_the_counter_of_an_approximate_coupon_lags_by_less_than_the_flush_size(
    at: datetime, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 1
    coupon = CouponFactory(maximum_number_of_coupons=300, limit_strategy="approximate")
    assert rules.flush_size(cap=300, processes=1) == 3

    counts = []
    for _ in range(7):
        with django_capture_on_commit_callbacks(execute=True):
            redeem(coupon, at)
        counts.append(counter(coupon).taken)

    assert counts == [0, 0, 3, 3, 3, 6, 6]
    consistency.recount_approximate(at=at)
    assert counter(coupon).taken == 7


@pytest.mark.django_db(transaction=True)
def test_what_is_counted_while_it_is_recounted_stays_counted(at: datetime) -> None:
    """Check that a recount adds the difference that it read, instead of writing a total, which loses other changes."""
    coupon = CouponFactory(maximum_number_of_coupons=1_000, limit_strategy="approximate")
    for _ in range(3):
        redeem(coupon, at)
    recounting = threading.Thread(target=_recount, args=[coupon])

    with transaction.atomic():
        approximate.adjust_counter(coupon.pk, 100)
        recounting.start()
        _wait_for_blocked_transaction()
    recounting.join(30)

    assert counter(coupon).taken == 103


def _recount(coupon: CouponDefinition) -> None:
    consistency.recount_approximate(at=coupon.start_date)
    connection.close()


def _wait_for_blocked_transaction() -> None:
    with connection.cursor() as cursor:
        for _ in range(10_000):
            cursor.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid' AND pid IN (SELECT pid FROM"
                " pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
            )
            if cursor.fetchone():
                return
    raise AssertionError("no transaction waits for the counter")
