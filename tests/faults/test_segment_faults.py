"""Workers are killed while they fill and release a million slots, and the scheduler stops: all counts are exact."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Q, Sum
from django.utils import timezone

from accounts.models import Brand, Customer
from segments import consistency, services
from segments.models import FILLABLE_STATES, Audience, AudienceMember, CustomerSlots, Segment, SegmentMember, State
from tests.factories import BrandFactory
from tests.platform import ROOT, Platform, database_url, platform, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
MILLION, KILLS = 1_000_000, 20


def create_audience(brand: Brand, size: int) -> Audience:
    """Create an audience with new customers."""
    audience = Audience.objects.create(brand=brand, segment_type="everybody", size=size)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "INSERT INTO accounts_customer (customer_id) SELECT 'c' || n FROM generate_series(1, %s) n", [size]
        )
        cursor.execute(
            "INSERT INTO segments_audiencemember (audience_id, customer_id) SELECT %s, id FROM accounts_customer"
            " ORDER BY id",
            [audience.pk],
        )
        cursor.execute("ANALYZE accounts_customer, segments_audiencemember")
    return audience


@pytest.fixture
def worker() -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Function that starts processes that process due segments."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.test", "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url(),
    }  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(
            subprocess.Popen([sys.executable, "-m", "tests.faults.segment_filling"], cwd=ROOT, env=environment)
        )
        return started[-1]

    yield start
    kill(started)


def kill(processes: list[subprocess.Popen[bytes]]) -> None:
    """Kill processes (SIGKILL)."""
    for process in processes:
        process.kill()
        process.wait(10)


@contextmanager
def second_platform(system: Platform, data_dir: Path) -> Iterator[Platform]:
    """Yield a second set of processes of the same platform."""
    second = Platform(data_dir)
    second.environment = system.environment
    try:
        yield second
    finally:
        second.stop()


def is_in_progress(segment: Segment) -> bool:
    """Return whether the segment, read again, still has to be processed."""
    segment.refresh_from_db()
    return segment.state in {*FILLABLE_STATES, State.RELEASING}


def count_used_slots() -> int:
    return CustomerSlots.objects.aggregate(sum=Sum("used"))["sum"] or 0


@pytest.mark.timeout(3600)
def test_workers_killed_while_filling_a_million_slots_leave_exact_counts(
    worker: Callable[[], subprocess.Popen[bytes]],
) -> None:
    brand, rng, kills = BrandFactory(), random.Random(11), Counter[State]()
    create_audience(brand, MILLION)

    def finish(segment: Segment, final_state: State) -> None:
        """Two workers at a time, who die at random moments between its first and its last customer."""
        workers = [worker(), worker()]
        while is_in_progress(segment):
            cursor_before = segment.cursor
            time.sleep(rng.uniform(0.1, 3))
            if is_in_progress(segment) and segment.cursor > cursor_before and kills[final_state] < KILLS:
                kill(workers)
                workers, kills[final_state] = [worker(), worker()], kills[final_state] + 1
        kill(workers)
        assert segment.state == final_state
        assert (segment.audience_count, segment.members_count, segment.skipped_count) == (MILLION, MILLION, 0)

    while kills[State.ACTIVE] < KILLS:
        now = timezone.now()
        segment = services.schedule(
            brand=brand, segment_type="everybody", start_date=now, end_date=now + timedelta(days=7), at=now
        )
        finish(segment, State.ACTIVE)
        assert SegmentMember.objects.count() == count_used_slots() == MILLION
        assert set(CustomerSlots.objects.values_list("used", flat=True)) == {1}
        services.delete(which=Q(pk=segment.pk), at=timezone.now())
        finish(segment, State.DELETED)
        assert SegmentMember.objects.count() == count_used_slots() == 0

    print(f"kills while filling: {kills[State.ACTIVE]}, while releasing: {kills[State.DELETED]}")
    assert kills[State.DELETED] > 0
    assert list(consistency.check(at=timezone.now(), repair=False)) == []


def test_two_schedulers_catch_up_after_an_outage_without_repetition(tmp_path: Path) -> None:
    brand = BrandFactory()
    create_audience(brand, 30_000)
    now = timezone.now()

    def schedule(start: float, kill: float) -> Segment:
        return services.schedule(
            brand=brand, segment_type="everybody", at=now,
            start_date=now + timedelta(seconds=start), end_date=now + timedelta(seconds=kill),
        )  # fmt: skip

    ended, running = schedule(1, 2), [schedule(1, days * 86_400) for days in (1, 2, 3)]
    scheduled = schedule(86_400, 2 * 86_400)
    time.sleep(3)  # no scheduler runs while they start, and while the first of them ends

    with platform() as first, second_platform(first, tmp_path) as second:
        for system in (first, second):
            system.start("worker", "beat")
        wait_until(
            lambda: not any(map(is_in_progress, running)), f"the segments are filled\n{first.log('worker')}", 180
        )

    for segment in (ended, scheduled):
        segment.refresh_from_db()
    assert (ended.state, ended.members_count) == (State.EXPIRED, 0)
    assert [(segment.state, segment.members_count, segment.skipped_count) for segment in running] == [
        (State.ACTIVE, 30_000, 0)
    ] * 3
    assert scheduled.state == State.SCHEDULED
    assert SegmentMember.objects.count() == count_used_slots() == 90_000
    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {3}
    assert Customer.objects.count() == AudienceMember.objects.count() == 30_000
    assert list(consistency.check(at=timezone.now(), repair=False)) == []
