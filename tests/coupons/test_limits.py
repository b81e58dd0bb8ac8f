"""What keeps a coupon's maximum, strategy by strategy."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from core.errors import Busy, InvalidRequest
from core.ids import uuid7
from coupons import consistency, rules, selectors, services
from coupons.contracts import RedemptionRequest
from coupons.errors import CouponLimitReached
from coupons.models import CouponCounter, CouponDefinition, CouponRedemption, CouponUnit
from coupons.services import pool_units
from coupons.services.limits import approximate, pool
from tests.factories import CouponFactory, CustomerFactory

pytestmark = pytest.mark.django_db
STRICT = ["exact", "sharded", "pool"]


def take(coupon: CouponDefinition, at: datetime, *, until: datetime | None = None) -> CouponRedemption:
    asked = RedemptionRequest(uuid7(), CustomerFactory().pk, reserved_until=until)
    return services.redeem(coupon=coupon.pk, asked=asked, at=at)


def left(coupon: CouponDefinition) -> int | None:
    return selectors.remaining(coupons=[coupon.pk]).get(coupon.pk)


def counter(coupon: CouponDefinition) -> CouponCounter:
    return CouponCounter.objects.get(coupon_id=coupon.pk)


@pytest.mark.parametrize("maximum", [1, 17, 40])
@pytest.mark.parametrize("strategy", STRICT)
def test_shoppers_one_at_a_time_have_all_of_it(strategy: str, maximum: int, at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=maximum, limit_strategy=strategy)

    for taken in range(maximum):
        assert left(coupon) == maximum - taken
        take(coupon, at)

    assert left(coupon) == 0
    with pytest.raises(CouponLimitReached):
        take(coupon, at)


@pytest.mark.parametrize("strategy", [*STRICT, "approximate"])
def test_what_is_given_back_can_be_had_again(strategy: str, at: datetime, settings: Any) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 1
    coupon = CouponFactory(maximum_number_of_coupons=3, limit_strategy=strategy)
    held = [take(coupon, at, until=at + timedelta(hours=1)) for _ in range(3)]
    if strategy == "approximate":
        approximate.recount(coupon=coupon.pk, cap=3)

    services.release(redemption=held[1].pk, at=at)

    assert left(coupon) == 1
    take(coupon, at)
    assert list(consistency.check(at=at, repair=False)) == []


def test_a_coupon_without_a_maximum_has_no_counter(at: datetime) -> None:
    coupon = CouponFactory()

    take(coupon, at)

    assert not CouponCounter.objects.filter(coupon_id=coupon.pk).exists()
    assert left(coupon) is None


@pytest.mark.parametrize("strategy", [*STRICT, "approximate"])
def test_a_maximum_can_be_raised_and_lowered_down_to_what_is_taken(strategy: str, at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=20, limit_strategy=strategy)
    for _ in range(5):
        take(coupon, at)

    services.change(coupon=coupon, fields={"maximum_number_of_coupons": 50}, at=at)
    pool_units.create_units(coupon_id=coupon.pk, at=at)
    assert left(coupon) == 45
    services.change(coupon=coupon, fields={"maximum_number_of_coupons": 5}, at=at)
    assert left(coupon) == 0

    with pytest.raises(InvalidRequest) as refused:
        services.change(coupon=coupon, fields={"maximum_number_of_coupons": 4}, at=at)
    assert (refused.value.errors or [])[0]["field"] == "maximum_number_of_coupons"
    assert left(coupon) == 0


@pytest.mark.parametrize("now", STRICT)
@pytest.mark.parametrize("before", [*STRICT, "approximate"])
def test_another_strategy_can_be_chosen_until_the_coupon_starts(before: str, now: str, at: datetime) -> None:
    coupon = CouponFactory(
        maximum_number_of_coupons=20, limit_strategy=before, start_date=at + timedelta(days=1)
    )  # fmt: skip

    services.change(coupon=coupon, fields={"limit_strategy": now}, at=at)

    assert left(coupon) == 20
    take(coupon, at + timedelta(days=2))
    assert list(consistency.check(at=at, repair=False)) == []


@pytest.mark.parametrize(
    "fields", [{"limit_strategy": "pool"}, {"maximum_number_of_coupons": None}, {"offer": {}}, {"start_date": None}]
)
def test_once_it_runs_how_its_limit_is_kept_is_fixed(fields: dict[str, Any], at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=20)

    with pytest.raises(InvalidRequest) as refused:
        services.change(coupon=coupon, fields=fields, at=at)

    assert [row["code"] for row in (refused.value.errors or [])] == ["fixed"]
    assert left(coupon) == 20


# --- pools ------------------------------------------------------------------------------------------------------------
def test_a_large_pool_is_made_in_the_background_a_chunk_at_a_time(
    run_outbox: Callable[[], int], monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    monkeypatch.setattr(pool, "INLINE_MAX_UNITS", 10)
    monkeypatch.setattr(pool.create_units, "__kwdefaults__", {"chunk": 15})
    coupon = CouponFactory(maximum_number_of_coupons=50, limit_strategy="pool", start_date=at)
    assert CouponUnit.objects.filter(coupon_id=coupon.pk).count() == counter(coupon).taken == 10
    assert left(coupon) == 50

    pool_units.create_units(coupon_id=coupon.pk, at=at, budget=0)  # dies after one chunk, and has promised the next
    assert counter(coupon).taken == 25
    run_outbox()

    assert CouponUnit.objects.filter(coupon_id=coupon.pk).count() == counter(coupon).taken == 50
    assert list(consistency.check(at=at, repair=False)) == []


def test_units_that_are_not_made_yet_are_busy_and_not_exhausted(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "INLINE_MAX_UNITS", 1)
    coupon = CouponFactory(maximum_number_of_coupons=2, limit_strategy="pool")
    take(coupon, at)

    with pytest.raises(Busy):
        take(coupon, at)

    pool_units.maintain_pools(at=at)
    take(coupon, at)
    with pytest.raises(CouponLimitReached):
        take(coupon, at)


def test_outside_the_quiet_hours_only_what_starts_soon_is_made(
    at: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.POOL_BUILD_HOURS = "1-5"
    monkeypatch.setattr(pool, "INLINE_MAX_UNITS", 1)
    later = CouponFactory(maximum_number_of_coupons=9, limit_strategy="pool", start_date=at + timedelta(days=3))
    soon = CouponFactory(maximum_number_of_coupons=9, limit_strategy="pool", start_date=at + timedelta(hours=3))

    pool_units.maintain_pools(at=at)
    assert (counter(soon).taken, counter(later).taken) == (9, 1)

    pool_units.maintain_pools(at=at.replace(hour=3))
    assert counter(later).taken == 9


def test_free_units_are_cleared_away_a_day_after_the_end_and_taken_ones_stay(at: datetime) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=9, limit_strategy="pool", end_date=at + timedelta(hours=1))
    take(coupon, at)

    pool_units.maintain_pools(at=at + timedelta(hours=2))
    assert CouponUnit.objects.filter(coupon_id=coupon.pk).count() == 9
    pool_units.maintain_pools(at=at + timedelta(days=2))

    assert CouponUnit.objects.filter(coupon_id=coupon.pk).count() == counter(coupon).taken == 1
    assert list(consistency.check(at=at, repair=False)) == []


def test_units_that_were_promised_to_a_pool_are_not_made_for_what_became_another(
    run_outbox: Callable[[], int], monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    monkeypatch.setattr(pool, "INLINE_MAX_UNITS", 10)
    coupon = CouponFactory(
        maximum_number_of_coupons=50, limit_strategy="pool", start_date=at + timedelta(hours=1)
    )  # fmt: skip

    services.change(coupon=coupon, fields={"limit_strategy": "exact"}, at=at)
    assert run_outbox() > 0
    pool_units.create_units(coupon_id=coupon.pk, at=at)

    assert not CouponUnit.objects.filter(coupon_id=coupon.pk).exists()
    assert (counter(coupon).taken, left(coupon)) == (0, 50)


# --- approximate ------------------------------------------------------------------------------------------------------
def test_the_counter_of_an_approximate_coupon_lags_by_less_than_it_counts_at_once(
    at: datetime, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 1, 1
    coupon = CouponFactory(maximum_number_of_coupons=300, limit_strategy="approximate")
    assert rules.flush_size(cap=300, processes=1) == 3

    counts = []
    for _ in range(7):
        with django_capture_on_commit_callbacks(execute=True):
            take(coupon, at)
        counts.append(counter(coupon).taken)

    assert counts == [0, 0, 3, 3, 3, 6, 6]
    approximate.recount(coupon=coupon.pk, cap=300)
    assert counter(coupon).taken == 7


@pytest.mark.django_db(transaction=True)
def test_what_is_counted_while_it_is_recounted_stays_counted(at: datetime) -> None:
    """A recount corrects by what it saw to be missing; one that wrote what it saw would lose what came meanwhile."""
    coupon = CouponFactory(maximum_number_of_coupons=1_000, limit_strategy="approximate")
    for _ in range(3):
        take(coupon, at)
    recounting = threading.Thread(target=_recount, args=[coupon])

    with transaction.atomic():
        approximate._adjust_counter(coupon.pk, 100)
        recounting.start()
        _wait_until_someone_waits()
    recounting.join(30)

    assert counter(coupon).taken == 103


def _recount(coupon: CouponDefinition) -> None:
    approximate.recount(coupon=coupon.pk, cap=1_000)
    connection.close()


def _wait_until_someone_waits() -> None:
    with connection.cursor() as cursor:
        for _ in range(10_000):
            cursor.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid' AND pid IN (SELECT pid FROM"
                " pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
            )
            if cursor.fetchone():
                return
    raise AssertionError("nobody waits for the counter")
