"""Results count each event once, whatever is written during a roll-up."""

import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from accounts.models import Brand
from core.periods import Interval
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.models import Event
from redemptions.events.services import append_events
from redemptions.results.contracts import ReportPeriod, ResultFilter
from redemptions.results.models import ResultBucket
from redemptions.results.services import reports, rollup
from tests.factories import BrandFactory
from tests.races.transactions import long_transaction
from tests.redemptions.events import wait_for_horizon

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
DAY = ReportPeriod(Interval.DAY, ZoneInfo("UTC"), datetime(2027, 3, 17, tzinfo=UTC), datetime(2027, 3, 18, tzinfo=UTC))
WRITERS, TRANSACTIONS = 8, 20


def confirm(brand: Brand, offer: uuid.UUID) -> None:
    """Append the confirmation of a use."""
    confirmed = NewEvent(
        EventType.REDEMPTION_CONFIRMED, NOON, brand.pk, "coupon", offer=offer, redemption=uuid.uuid4(), amount=1,
        subtotal=10, currency="EUR",
    )  # fmt: skip
    append_events([confirmed])


def count_summed(offer: uuid.UUID) -> int:
    """Return the confirmed uses in the sums of the offer."""
    return sum(ResultBucket.objects.filter(offer_id=offer).values_list("confirmed", flat=True))


def count_reported(brand: Brand) -> int:
    """Return the confirmed uses in the report of the brand."""
    report = reports.build_report(wanted=ResultFilter((brand.pk,)), period=DAY, by=None, is_compared=False)
    return report.whole.total.confirmed


def write(brand: Brand, offer: uuid.UUID, seed: int) -> None:
    """Confirm uses in transactions that take different times, some of which are rolled back."""
    chance = random.Random(seed)
    for _ in range(TRANSACTIONS):
        with transaction.atomic():
            for _ in range(chance.randint(1, 3)):
                confirm(brand, offer)
                time.sleep(chance.choice([0, 0.001, 0.01]))
            if chance.random() < 0.2:
                transaction.set_rollback(True)


def report_matches_events(brand: Brand) -> bool:
    """Return whether the report matches the events in one snapshot."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return count_reported(brand) == Event.objects.filter(brand=brand).count()


def test_concurrent_writers_rollups_and_readers_agree(run_concurrently: RunConcurrently) -> None:
    brand, offer = BrandFactory(), uuid.uuid4()
    calls: list[Callable[[], Any]] = [partial(write, brand, offer, seed) for seed in range(WRITERS)]
    calls += [lambda: [rollup.roll_up() for _ in range(100)] for _ in range(3)]
    calls += [lambda: [report_matches_events(brand) for _ in range(30)] for _ in range(3)]

    results = run_concurrently(lambda call: call(), calls)

    assert results[:WRITERS] == [None] * WRITERS, results
    assert results[-3:] == [[True] * 30] * 3, results
    wait_for_horizon()
    rollup.roll_up()
    assert list(rollup.check(at=NOON, repair=False)) == []
    [summed] = ResultBucket.objects.filter(offer_id=offer)
    assert summed.confirmed == summed.discount == summed.gross // 10 == Event.objects.count() > WRITERS * 10


def test_a_transaction_that_outlasts_a_roll_up_is_summed_by_a_later_one() -> None:
    brand, offer = BrandFactory(), uuid.uuid4()
    with long_transaction(lambda: confirm(brand, offer)) as commit:
        confirm(brand, offer)
        rollup.roll_up()
        assert (count_summed(offer), count_reported(brand)) == (0, 1)
        commit()

    assert count_reported(brand) == 2
    wait_for_horizon()
    rollup.roll_up()
    assert (count_summed(offer), count_reported(brand)) == (2, 2)


def test_a_roll_up_blocks_no_other_transaction() -> None:
    brand, offer = BrandFactory(), uuid.uuid4()
    confirm(brand, offer)
    wait_for_horizon()
    with long_transaction(lambda: rollup.roll_up_some(transactions=10_000_000)) as commit:
        assert rollup.roll_up() == 0
        confirm(brand, offer)
        assert count_reported(brand) == 2
        commit()

    wait_for_horizon()
    rollup.roll_up()
    assert (count_summed(offer), count_reported(brand)) == (2, 2)


def test_a_reader_ahead_of_the_horizon_loses_events(run_concurrently: RunConcurrently) -> None:
    """Prove that the test above can fail: sum up all transactions so far, also while older ones are running."""
    brand, offer = BrandFactory(), uuid.uuid4()
    position, summed = 0, 0

    def sum_naively() -> None:
        nonlocal position, summed
        for _ in range(200):
            new = list(Event.objects.filter(tx__gt=position).values_list("tx", flat=True))
            position, summed = max([position, *new]), summed + len(new)
            time.sleep(0.002)

    calls = [partial(write, brand, offer, seed) for seed in range(WRITERS)] + [sum_naively]
    run_concurrently(lambda call: call(), calls)
    summed += Event.objects.filter(tx__gt=position).count()

    assert summed < Event.objects.count()
