"""Workers die while they fill and release a million slots, beat is away, beat is there twice: every count is exact."""

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
from tests.platform import ROOT, Platform, database_url, platform, until

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
MILLION, DEATHS = 1_000_000, 20


def everybody(brand: Brand, number: int) -> Audience:
    """An audience of so many customers, who are made for it."""
    audience = Audience.objects.create(brand=brand, segment_type="everybody", size=number)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "INSERT INTO accounts_customer (customer_id) SELECT 'c' || n FROM generate_series(1, %s) n", [number]
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
    """Starts processes that work on the queue."""
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
    end(started)


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Without a word (SIGKILL)."""
    for process in processes:
        process.kill()
        process.wait(10)


@contextmanager
def beside(parts: Platform, home: Path) -> Iterator[Platform]:
    """The same platform's parts a second time."""
    others = Platform(home)
    others.environment = parts.environment
    try:
        yield others
    finally:
        others.stop()


def is_moving(segment: Segment) -> bool:
    """Whether there is still something to be done for it; reads it anew."""
    segment.refresh_from_db()
    return segment.state in {*FILLABLE_STATES, State.RELEASING}


def used() -> int:
    return CustomerSlots.objects.aggregate(sum=Sum("used"))["sum"] or 0


@pytest.mark.timeout(3600)
def test_workers_killed_20_times_in_fillings_of_a_million_leave_every_count_exact(
    worker: Callable[[], subprocess.Popen[bytes]],
) -> None:
    brand, dice, deaths = BrandFactory(), random.Random(11), Counter[State]()
    everybody(brand, MILLION)

    def see_it_through(segment: Segment, last: State) -> None:
        """Two workers at a time, who die at random moments between its first and its last customer."""
        workers = [worker(), worker()]
        while is_moving(segment):
            before = segment.cursor
            time.sleep(dice.uniform(0.1, 3))
            if is_moving(segment) and segment.cursor > before and deaths[last] < DEATHS:
                end(workers)
                workers, deaths[last] = [worker(), worker()], deaths[last] + 1
        end(workers)
        assert segment.state == last
        assert (segment.audience_count, segment.members_count, segment.skipped_count) == (MILLION, MILLION, 0)

    while deaths[State.ACTIVE] < DEATHS:
        now = timezone.now()
        segment = services.schedule(
            brand=brand, segment_type="everybody", start_date=now, end_date=now + timedelta(days=7), at=now
        )
        see_it_through(segment, State.ACTIVE)
        assert SegmentMember.objects.count() == used() == MILLION
        assert set(CustomerSlots.objects.values_list("used", flat=True)) == {1}
        services.delete(which=Q(pk=segment.pk), at=timezone.now())
        see_it_through(segment, State.DELETED)
        assert SegmentMember.objects.count() == used() == 0

    print(f"deaths in fillings: {deaths[State.ACTIVE]}, in releases: {deaths[State.DELETED]}")
    assert deaths[State.DELETED] > 0
    assert list(consistency.check(at=timezone.now(), repair=False)) == []


def test_after_beat_was_away_two_of_them_catch_up_and_do_nothing_twice(tmp_path: Path) -> None:
    brand = BrandFactory()
    everybody(brand, 30_000)
    now = timezone.now()

    def asked(start: float, end: float) -> Segment:
        return services.schedule(
            brand=brand, segment_type="everybody", at=now,
            start_date=now + timedelta(seconds=start), end_date=now + timedelta(seconds=end),
        )  # fmt: skip

    over, running = asked(1, 2), [asked(1, days * 86_400) for days in (1, 2, 3)]
    coming = asked(86_400, 2 * 86_400)
    time.sleep(3)  # beat is not there while they start, and while the first of them ends

    with platform() as parts, beside(parts, tmp_path) as others:
        for each in (parts, others):
            each.start("worker", "beat")
        until(lambda: not any(map(is_moving, running)), f"they are filled\n{parts.log('worker')}", 180)

    for segment in (over, coming):
        segment.refresh_from_db()
    assert (over.state, over.members_count) == (State.EXPIRED, 0)
    assert [(it.state, it.members_count, it.skipped_count) for it in running] == [(State.ACTIVE, 30_000, 0)] * 3
    assert coming.state == State.SCHEDULED
    assert SegmentMember.objects.count() == used() == 90_000
    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {3}
    assert Customer.objects.count() == AudienceMember.objects.count() == 30_000
    assert list(consistency.check(at=timezone.now(), repair=False)) == []
