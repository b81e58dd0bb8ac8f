"""No change of a redemption escapes the sums of reports, whatever is written while they are made."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections, transaction
from django.db.models import Count, Max

from core.periods import Interval
from coupons.models import CouponDefinition, CouponRedemption, DirtyBucket, RedemptionBucket, Status
from coupons.services import reports, rollup
from tests.coupons.builders import store_redemptions, create_coupon, return_redemption, build_redemption

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
UNTIL = NOON + timedelta(days=1)


def told(coupon: CouponDefinition) -> reports.Sums:
    """What the coupon's report says of the day."""
    return reports.coupon_report(
        coupon=coupon, unit=Interval.DAY, timezone=ZoneInfo("UTC"), start=NOON, end=UNTIL, at=UNTIL
    ).total  # fmt: skip


def summed() -> int:
    """The redemptions of all buckets."""
    return sum(RedemptionBucket.objects.values_list("redemptions", flat=True))


def life(coupon: CouponDefinition, minute: int) -> None:
    """One is redeemed at once, one is reserved and then confirmed, one is refunded, one expires."""
    at = NOON + timedelta(minutes=minute)
    one, two, three = store_redemptions(*(build_redemption(coupon, at, status) for status in (Status.CONFIRMED, Status.RESERVED, Status.RESERVED)))
    rows = CouponRedemption.objects
    rows.filter(pk=two.pk).update(status=Status.CONFIRMED, redeemed_at=at, reserved_until=None)
    return_redemption(one.pk, at)
    rows.filter(pk=three.pk).update(status=Status.EXPIRED, ended_at=at, reserved_until=None)


def look(coupon: CouponDefinition) -> bool:
    """Whether the report agrees with the rows, as one transaction sees both."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = told(coupon)
        counted = CouponRedemption.objects.filter(coupon=coupon).aggregate(
            redemptions=Count("redeemed_at"), released=Count("ended_at")
        )
    return counted == {"redemptions": found.redemptions, "released": found.released}


def test_writers_summers_and_readers_at_once_lose_nothing_and_never_disagree(run_concurrently: RunConcurrently) -> None:
    coupon = create_coupon()
    verbs: list[Callable[[], Any]] = [partial(life, coupon, minute) for minute in range(24)]
    verbs += [lambda: [rollup.roll_up_some(limit=3) for _ in range(8)] for _ in range(6)]
    verbs += [lambda: [look(coupon) for _ in range(8)] for _ in range(6)]

    results = run_concurrently(lambda verb: verb(), verbs)

    assert results[:24] == [None] * 24, results
    assert results[30:] == [[True] * 8] * 6, results
    while DirtyBucket.objects.exists():
        rollup.roll_up()
    assert list(rollup.check(at=NOON, repair=False)) == []
    assert (told(coupon).redemptions, told(coupon).released, summed()) == (48, 48, 48)


@contextmanager
def long_transaction(verb: Callable[[], Any]) -> Iterator[Callable[[], None]]:
    """Runs ``verb`` in a transaction of another thread, which commits when the yielded function is called."""
    done, commit = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                verb()
                done.set()
                assert commit.wait(30)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        assert done.wait(30)

        def end() -> None:
            commit.set()
            running.result(30)

        yield end
        commit.set()


def test_a_transaction_that_outlasts_a_roll_up_is_summed_up_by_the_next() -> None:
    coupon = create_coupon()
    with long_transaction(lambda: store_redemptions(build_redemption(coupon, NOON))) as commit:
        store_redemptions(build_redemption(coupon, NOON + timedelta(seconds=1)))
        rollup.roll_up()
        assert (summed(), told(coupon).redemptions) == (1, 1)
        commit()

    assert told(coupon).redemptions == 2
    rollup.roll_up()
    assert summed() == 2


def test_one_that_sums_up_alone_leaves_others_nothing_to_wait_for() -> None:
    coupon = create_coupon()
    store_redemptions(build_redemption(coupon, NOON))
    with long_transaction(lambda: rollup.roll_up_some(limit=10)) as commit:
        assert rollup.roll_up() == 0
        store_redemptions(build_redemption(coupon, NOON))
        assert told(coupon).redemptions == 2
        commit()

    rollup.roll_up()
    assert summed() == 2


def test_with_a_mark_of_the_last_change_seen_a_longer_transaction_is_lost() -> None:
    """The proof that the tests above can fail: sum up what changed after the newest change that was seen."""
    coupon = create_coupon()
    mark, sums = datetime(2000, 1, 1, tzinfo=UTC), 0

    def naive_roll_up() -> None:
        nonlocal mark, sums
        changed = CouponRedemption.objects.filter(changed_at__gt=mark)
        found: dict[str, Any] = changed.aggregate(newest=Max("changed_at"), number=Count("pk"))
        mark, sums = found["newest"] or mark, sums + found["number"]

    with long_transaction(lambda: store_redemptions(build_redemption(coupon, NOON))) as commit:
        store_redemptions(build_redemption(coupon, NOON + timedelta(seconds=1)))
        naive_roll_up()
        commit()
    naive_roll_up()

    assert sums == 1
    assert CouponRedemption.objects.count() == 2
