"""Reports include every change of a redemption, whatever is written during a roll-up."""

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
from coupons.models import CouponDefinition, CouponRedemption, DirtyBucket, RedemptionBucket
from coupons.services import reports, rollup
from redemptions.statuses import RedemptionStatus
from tests.coupons.builders import build_redemption, create_coupon, return_redemption, store_redemptions

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
UNTIL = NOON + timedelta(days=1)


def get_totals(coupon: CouponDefinition) -> reports.Sums:
    """Return the totals of the coupon's report of the day."""
    return reports.coupon_report(
        coupon=coupon, unit=Interval.DAY, timezone=ZoneInfo("UTC"), start=NOON, end=UNTIL, at=UNTIL
    ).total  # fmt: skip


def count_summed() -> int:
    """Return the number of redemptions in all buckets."""
    return sum(RedemptionBucket.objects.values_list("redemptions", flat=True))


def write_redemptions(coupon: CouponDefinition, minute: int) -> None:
    """Write one redemption that is returned, one that is reserved and confirmed, and one that expires."""
    at = NOON + timedelta(minutes=minute)
    one, two, three = store_redemptions(
        *(
            build_redemption(coupon, at, status)
            for status in (RedemptionStatus.CONFIRMED, RedemptionStatus.RESERVED, RedemptionStatus.RESERVED)
        )
    )
    rows = CouponRedemption.objects
    rows.filter(pk=two.pk).update(status=RedemptionStatus.CONFIRMED, redeemed_at=at, reserved_until=None)
    return_redemption(one.pk, at)
    rows.filter(pk=three.pk).update(status=RedemptionStatus.EXPIRED, ended_at=at, reserved_until=None)


def report_matches_rows(coupon: CouponDefinition) -> bool:
    """Return whether the report matches the rows in one snapshot."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        totals = get_totals(coupon)
        counted = CouponRedemption.objects.filter(coupon=coupon).aggregate(
            redemptions=Count("redeemed_at"), released=Count("ended_at")
        )
    return counted == {"redemptions": totals.redemptions, "released": totals.released}


def test_concurrent_writers_rollups_and_readers_agree(run_concurrently: RunConcurrently) -> None:
    coupon = create_coupon()
    calls: list[Callable[[], Any]] = [partial(write_redemptions, coupon, minute) for minute in range(24)]
    calls += [lambda: [rollup.roll_up_some(limit=3) for _ in range(8)] for _ in range(6)]
    calls += [lambda: [report_matches_rows(coupon) for _ in range(8)] for _ in range(6)]

    results = run_concurrently(lambda call: call(), calls)

    assert results[:24] == [None] * 24, results
    assert results[30:] == [[True] * 8] * 6, results
    while DirtyBucket.objects.exists():
        rollup.roll_up()
    assert list(rollup.check(at=NOON, repair=False)) == []
    assert (get_totals(coupon).redemptions, get_totals(coupon).released, count_summed()) == (48, 48, 48)


@contextmanager
def long_transaction(call: Callable[[], Any]) -> Iterator[Callable[[], None]]:
    """Run ``call`` in a transaction of another thread, which commits when the yielded function is called."""
    done, commit = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                call()
                done.set()
                assert commit.wait(30)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        assert done.wait(30)

        def finish() -> None:
            commit.set()
            future.result(30)

        yield finish
        commit.set()


def test_transaction_that_outlasts_a_rollup_is_counted_by_the_next() -> None:
    coupon = create_coupon()
    with long_transaction(lambda: store_redemptions(build_redemption(coupon, NOON))) as commit:
        store_redemptions(build_redemption(coupon, NOON + timedelta(seconds=1)))
        rollup.roll_up()
        assert (count_summed(), get_totals(coupon).redemptions) == (1, 1)
        commit()

    assert get_totals(coupon).redemptions == 2
    rollup.roll_up()
    assert count_summed() == 2


def test_rollup_does_not_block_other_transactions() -> None:
    coupon = create_coupon()
    store_redemptions(build_redemption(coupon, NOON))
    with long_transaction(lambda: rollup.roll_up_some(limit=10)) as commit:
        assert rollup.roll_up() == 0
        store_redemptions(build_redemption(coupon, NOON))
        assert get_totals(coupon).redemptions == 2
        commit()

    rollup.roll_up()
    assert count_summed() == 2


def test_high_water_mark_loses_a_longer_transaction() -> None:
    """Prove that the tests above can fail: sum up what changed after the newest change seen so far."""
    coupon = create_coupon()
    mark, sums = datetime(2000, 1, 1, tzinfo=UTC), 0

    def naive_roll_up() -> None:
        nonlocal mark, sums
        changed = CouponRedemption.objects.filter(changed_at__gt=mark)
        result: dict[str, Any] = changed.aggregate(newest=Max("changed_at"), number=Count("pk"))
        mark, sums = result["newest"] or mark, sums + result["number"]

    with long_transaction(lambda: store_redemptions(build_redemption(coupon, NOON))) as commit:
        store_redemptions(build_redemption(coupon, NOON + timedelta(seconds=1)))
        naive_roll_up()
        commit()
    naive_roll_up()

    assert sums == 1
    assert CouponRedemption.objects.count() == 2
