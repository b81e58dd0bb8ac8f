"""A customer is never in more segments than they have slots, and no slot is left that a segment could have taken,
however many segments start at the same moment.
"""

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F

from accounts.models import Brand, Customer
from core.ids import uuid7
from promotions.models import Promotion
from segments import consistency, services
from segments.errors import SegmentAlreadyExists
from segments.models import AudienceMember, CustomerSlots, Segment, SegmentMember
from segments.services import customer_ranges, lifecycle
from tests.factories import BrandFactory, CustomerFactory
from tests.platform import ROOT, database_url

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
SLOTS, STARTS = 3, 12


def audiences(customers: int, sizes: range, seed: int) -> list[tuple[Brand, str]]:
    """An audience for each start, of four brands; each an own choice out of the same customers, in an own order."""
    dice, made = random.Random(seed), []
    for brand in BrandFactory.create_batch(4):
        for number in range(STARTS // 4):
            names = dice.sample([f"c{one}" for one in range(customers)], dice.choice(sizes))
            services.apply_audience(brand=brand, segment_type=f"kind{number}", operation="replace", customer_ids=names)
            made.append((brand, f"kind{number}"))
    return made


def what_is_wrong() -> list[str]:
    """What a person with nothing but the rows would hold against them."""
    found = [f"slots: {line}" for line in consistency.check(at=datetime.now().astimezone(), repair=False)]
    used: dict[int, int] = dict(CustomerSlots.objects.values_list("customer_id", "used"))
    found += [f"{one} uses {many} slots" for one, many in used.items() if many > SLOTS]
    taken = Counter(SegmentMember.objects.values_list("customer_id", flat=True))
    found += [f"{one} says {many}, is in {taken[one]}" for one, many in used.items() if many != taken[one]]
    for segment in Segment.objects.filter(deleted_at=None):
        audience = AudienceMember.objects.filter(
            audience__brand=segment.brand_id, audience__segment_type=segment.segment_type
        )
        members = set(SegmentMember.objects.filter(segment=segment).values_list("customer_id", flat=True))
        passed_over = set(audience.values_list("customer_id", flat=True)) - members
        found += [f"{one} had a free slot and was passed over" for one in passed_over if used.get(one, 0) < SLOTS]
        if (segment.members_count, segment.skipped_count) != (len(members), len(passed_over)):
            found.append(f"{segment.pk} miscounts")
    return found


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("small", [True, False])  # with the request that asks for it, or by the queue alone
def test_12_segments_that_start_at_once_give_nobody_a_slot_too_many_and_waste_none(
    small: bool, run_concurrently: RunConcurrently, at: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = SLOTS
    monkeypatch.setattr(customer_ranges, "RANGE_SIZE", 60)
    monkeypatch.setattr(lifecycle, "INLINE_MAX_CUSTOMERS", 10_000 if small else 0)
    asked, before = audiences(300, range(80, 200), seed=small), deadlocks()

    def begin(one: tuple[Brand, str]) -> str:
        brand, segment_type = one
        segment = services.schedule(
            brand=brand, segment_type=segment_type, start_date=at, end_date=at + timedelta(days=7), at=at
        )
        while segment.state in ("scheduled", "filling"):
            services.process_queue(at=at)
            segment.refresh_from_db()
        return str(segment.state)

    results = run_concurrently(begin, asked)

    assert set(results) <= {"active", "empty"}
    assert Segment.objects.count() == STARTS
    assert what_is_wrong() == []
    assert deadlocks() == before


def test_without_the_lock_a_look_before_takes_a_slot_too_many(run_concurrently: RunConcurrently) -> None:
    """The proof that the test above can fail: who has a free slot is read, and then one more is counted."""
    customers = CustomerFactory.create_batch(20)
    CustomerSlots.objects.bulk_create(CustomerSlots(customer=it, used=SLOTS - 1) for it in customers)
    everybody_looked = threading.Barrier(2)

    def look_then_take(_: int) -> None:
        free = list(CustomerSlots.objects.filter(used__lt=SLOTS).values_list("pk", flat=True))
        everybody_looked.wait(30)
        CustomerSlots.objects.filter(pk__in=free).update(used=F("used") + 1)

    run_concurrently(look_then_take, range(2))

    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {SLOTS + 1}


def test_without_the_lock_two_audiences_in_their_own_orders_deadlock(run_concurrently: RunConcurrently) -> None:
    """The proof that the test above can fail: customers one after the other, as each audience was sent."""
    first, second = CustomerFactory.create_batch(2)
    CustomerSlots.objects.bulk_create(CustomerSlots(customer=it) for it in (first, second))
    both_have_one = threading.Barrier(2)

    def take_in_order(order: tuple[Customer, Customer]) -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = 0")
            CustomerSlots.objects.filter(pk=order[0].pk).update(used=F("used") + 1)
            both_have_one.wait(30)
            CustomerSlots.objects.filter(pk=order[1].pk).update(used=F("used") + 1)

    results = run_concurrently(take_in_order, [(first, second), (second, first)])

    (died,) = [result for result in results if result is not None]
    assert isinstance(died, OperationalError)
    assert "deadlock detected" in str(died)


# --- one for each promotion ------------------------------------------------------------------------------------------
def test_20_requests_for_one_promotion_make_one_segment(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand, key = BrandFactory(), uuid7()
    services.apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=["c1", "c2"])

    def ask(number: int) -> Segment:
        days = 7 + number % 2
        return services.schedule(
            brand=brand, segment_type="vip", start_date=at, end_date=at + timedelta(days=days), at=at, promotion_id=key
        )

    results = run_concurrently(ask, range(20))

    assert Counter(type(result) for result in results) == {Segment: 10, SegmentAlreadyExists: 10}
    assert len({result.pk for result in results if isinstance(result, Segment)}) == Segment.objects.count() == 1
    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {1}


def test_without_the_constraint_a_look_before_makes_two_segments(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    """The proof that the test above can fail: look for the promotion's segment, then make it."""
    brand, key, both_looked = BrandFactory(), uuid7(), threading.Barrier(2)
    name = "segments_one_per_promotion"

    def look_then_make(number: int) -> None:
        known = Segment.objects.filter(promotion_id=key, deleted_at=None).exists()
        both_looked.wait(30)
        if not known:
            Segment.objects.create(
                brand=brand, segment_type="vip", promotion_id=key, start_date=at, end_date=at + timedelta(days=7),
                due_at=at,
            )  # fmt: skip

    (constraint,) = [it for it in Segment._meta.constraints if it.name == name]
    with connection.schema_editor() as editor:
        editor.remove_constraint(Segment, constraint)
    try:
        run_concurrently(look_then_make, range(2))
        made = Segment.objects.count()
    finally:
        Segment.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(Segment, constraint)

    assert made == 2


# --- processes -------------------------------------------------------------------------------------------------------
CUSTOMERS, SIZES, STRIPE, TIMES = 20_000, range(4_000, 16_000), 3_000, 20


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Twelve that begin and end promotions when they are told to."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.test", "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url(), "SEGMENT_SLOTS_PER_CUSTOMER": str(SLOTS),
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.races.processes", str(STRIPE)]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(STARTS)
    ]
    yield started
    for process in started:
        process.kill()
        process.communicate()


def told(processes: list[subprocess.Popen[str]], lines: list[str]) -> set[str]:
    """Tell each its line, all at once, and wait for all answers."""
    for process, line in zip(processes, lines, strict=True):
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
    return {process.stdout.readline().strip() for process in processes if process.stdout is not None}


@pytest.mark.race_long
@pytest.mark.timeout(3600)
def test_12_processes_that_start_promotions_at_once_20_times(
    processes: list[subprocess.Popen[str]], settings: Any
) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = SLOTS
    asked, before = audiences(CUSTOMERS, SIZES, seed=5), deadlocks()
    assert told(processes, ["work"] * STARTS) == {"ok"}  # they are awake

    for _ in range(TIMES):
        assert told(processes, [f"begin {brand.slug} {segment_type}" for brand, segment_type in asked]) == {"ok"}
        assert what_is_wrong() == []
        assert Counter(CustomerSlots.objects.values_list("used", flat=True))[SLOTS] > CUSTOMERS / 2
        assert Segment.objects.filter(deleted_at=None).count() == STARTS

        assert told(processes, ["end"] * STARTS) == {"ok"}
        assert not SegmentMember.objects.exists()
        assert not CustomerSlots.objects.exclude(used=0).exists()

    assert Promotion.objects.count() == STARTS * TIMES
    assert deadlocks() == before
