"""Concurrent segments never exceed the slots of a customer, and leave no slot free that they could have used."""

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
SLOTS, SEGMENTS = 3, 12


def create_audiences(customers: int, sizes: range, seed: int) -> list[tuple[Brand, str]]:
    """Create an audience for each segment, for four brands: each a random selection of the customers."""
    rng, created = random.Random(seed), []
    for brand in BrandFactory.create_batch(4):
        for number in range(SEGMENTS // 4):
            customer_ids = rng.sample([f"c{number_}" for number_ in range(customers)], rng.choice(sizes))
            services.apply_audience(
                brand=brand, segment_type=f"kind{number}", operation="replace", customer_ids=customer_ids
            )
            created.append((brand, f"kind{number}"))
    return created


def find_violations() -> list[str]:
    """Return all violations that the rows alone show."""
    violations = [f"slots: {line}" for line in consistency.check(at=datetime.now().astimezone(), repair=False)]
    used: dict[int, int] = dict(CustomerSlots.objects.values_list("customer_id", "used"))
    violations += [f"{customer} uses {used_slots} slots" for customer, used_slots in used.items() if used_slots > SLOTS]
    memberships = Counter(SegmentMember.objects.values_list("customer_id", flat=True))
    violations += [
        f"{customer} says {used_slots}, is in {memberships[customer]}"
        for customer, used_slots in used.items()
        if used_slots != memberships[customer]
    ]
    for segment in Segment.objects.filter(deleted_at=None):
        audience = AudienceMember.objects.filter(
            audience__brand=segment.brand_id, audience__segment_type=segment.segment_type
        )
        members = set(SegmentMember.objects.filter(segment=segment).values_list("customer_id", flat=True))
        skipped = set(audience.values_list("customer_id", flat=True)) - members
        violations += [
            f"{customer} had a free slot and was skipped" for customer in skipped if used.get(customer, 0) < SLOTS
        ]
        if (segment.members_count, segment.skipped_count) != (len(members), len(skipped)):
            violations.append(f"{segment.pk} has wrong counts")
    return violations


def count_deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("inline", [True, False])  # in the request, or by the queue alone
def test_concurrent_segments_fill_all_slots_and_exceed_none(
    inline: bool, run_concurrently: RunConcurrently, at: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = SLOTS
    monkeypatch.setattr(customer_ranges, "RANGE_SIZE", 60)
    monkeypatch.setattr(lifecycle, "INLINE_MAX_CUSTOMERS", 10_000 if inline else 0)
    audiences, deadlocks_before = create_audiences(300, range(80, 200), seed=inline), count_deadlocks()

    def start(audience: tuple[Brand, str]) -> str:
        brand, segment_type = audience
        segment = services.schedule(
            brand=brand, segment_type=segment_type, start_date=at, end_date=at + timedelta(days=7), at=at
        )
        while segment.state in ("scheduled", "filling"):
            services.process_queue(at=at)
            segment.refresh_from_db()
        return str(segment.state)

    results = run_concurrently(start, audiences)

    assert set(results) <= {"active", "empty"}
    assert Segment.objects.count() == SEGMENTS
    assert find_violations() == []
    assert count_deadlocks() == deadlocks_before


def test_without_the_lock_slots_are_exceeded(run_concurrently: RunConcurrently) -> None:
    """Prove that the test above can fail: read who has a free slot, then count one more."""
    customers = CustomerFactory.create_batch(20)
    CustomerSlots.objects.bulk_create(CustomerSlots(customer=customer, used=SLOTS - 1) for customer in customers)
    barrier = threading.Barrier(2)

    def check_then_take(_: int) -> None:
        with_free_slot = list(CustomerSlots.objects.filter(used__lt=SLOTS).values_list("pk", flat=True))
        barrier.wait(30)
        CustomerSlots.objects.filter(pk__in=with_free_slot).update(used=F("used") + 1)

    run_concurrently(check_then_take, range(2))

    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {SLOTS + 1}


def test_without_the_lock_audiences_in_different_orders_deadlock(run_concurrently: RunConcurrently) -> None:
    """Prove that the test above can fail: lock the customers in the order of each audience."""
    first, second = CustomerFactory.create_batch(2)
    CustomerSlots.objects.bulk_create(CustomerSlots(customer=customer) for customer in (first, second))
    barrier = threading.Barrier(2)

    def take_in_order(order: tuple[Customer, Customer]) -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = 0")
            CustomerSlots.objects.filter(pk=order[0].pk).update(used=F("used") + 1)
            barrier.wait(30)
            CustomerSlots.objects.filter(pk=order[1].pk).update(used=F("used") + 1)

    results = run_concurrently(take_in_order, [(first, second), (second, first)])

    (error,) = [result for result in results if result is not None]
    assert isinstance(error, OperationalError)
    assert "deadlock detected" in str(error)


# --- one segment per promotion ----------------------------------------------------------------------------------------
def test_concurrent_requests_for_a_promotion_create_one_segment(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand, key = BrandFactory(), uuid7()
    services.apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=["c1", "c2"])

    def schedule(number: int) -> Segment:
        days = 7 + number % 2
        return services.schedule(
            brand=brand, segment_type="vip", start_date=at, end_date=at + timedelta(days=days), at=at, promotion_id=key
        )

    results = run_concurrently(schedule, range(20))

    assert Counter(type(result) for result in results) == {Segment: 10, SegmentAlreadyExists: 10}
    assert len({result.pk for result in results if isinstance(result, Segment)}) == Segment.objects.count() == 1
    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {1}


def test_without_the_constraint_a_promotion_gets_two_segments(run_concurrently: RunConcurrently, at: datetime) -> None:
    """Prove that the test above can fail: check for a segment of the promotion, then create one."""
    brand, key, barrier = BrandFactory(), uuid7(), threading.Barrier(2)
    name = "segments_one_per_promotion"

    def check_then_create(number: int) -> None:
        exists = Segment.objects.filter(promotion_id=key, deleted_at=None).exists()
        barrier.wait(30)
        if not exists:
            Segment.objects.create(
                brand=brand, segment_type="vip", promotion_id=key, start_date=at, end_date=at + timedelta(days=7),
                due_at=at,
            )  # fmt: skip

    (constraint,) = [candidate for candidate in Segment._meta.constraints if candidate.name == name]
    with connection.schema_editor() as editor:
        editor.remove_constraint(Segment, constraint)
    try:
        run_concurrently(check_then_create, range(2))
        created = Segment.objects.count()
    finally:
        Segment.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(Segment, constraint)

    assert created == 2


# --- processes --------------------------------------------------------------------------------------------------------
CUSTOMERS, SIZES, RANGE_SIZE, ROUNDS = 20_000, range(4_000, 16_000), 3_000, 20


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Twelve processes that create and end promotions on command."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.test", "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url(), "SEGMENT_SLOTS_PER_CUSTOMER": str(SLOTS),
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.races.processes", str(RANGE_SIZE)]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(SEGMENTS)
    ]
    yield started
    for process in started:
        process.kill()
        process.communicate()


def send_command(processes: list[subprocess.Popen[str]], lines: list[str]) -> set[str]:
    """Send each process its line, all at once, and return the answers."""
    for process, line in zip(processes, lines, strict=True):
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
    return {process.stdout.readline().strip() for process in processes if process.stdout is not None}


@pytest.mark.race_long
@pytest.mark.timeout(3600)
def test_processes_repeatedly_start_promotions_concurrently(
    processes: list[subprocess.Popen[str]], settings: Any
) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = SLOTS
    audiences, deadlocks_before = create_audiences(CUSTOMERS, SIZES, seed=5), count_deadlocks()
    assert send_command(processes, ["work"] * SEGMENTS) == {"ok"}  # they have started

    for _ in range(ROUNDS):
        assert send_command(processes, [f"begin {brand.slug} {segment_type}" for brand, segment_type in audiences]) == {
            "ok"
        }
        assert find_violations() == []
        assert Counter(CustomerSlots.objects.values_list("used", flat=True))[SLOTS] > CUSTOMERS / 2
        assert Segment.objects.filter(deleted_at=None).count() == SEGMENTS

        assert send_command(processes, ["end"] * SEGMENTS) == {"ok"}
        assert not SegmentMember.objects.exists()
        assert not CustomerSlots.objects.exclude(used=0).exists()

    assert Promotion.objects.count() == SEGMENTS * ROUNDS
    assert count_deadlocks() == deadlocks_before
