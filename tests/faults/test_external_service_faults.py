"""Workers are killed repeatedly while a service fails a third of its calls: in the end it has the same data."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone

from integrations.models import SyncJob
from segments.models import Segment, SegmentMember, State
from segments.services import sync
from tests.factories import BrandFactory
from tests.fakes.external_services import KEY, FakeServices

ROOT = Path(__file__).resolve().parents[2]
MEMBERS, SEGMENTS, ENDED = 60_000, 6, 2
pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
SCRIPT = """
import time
from datetime import timedelta
import django; django.setup()
from django.utils import timezone
from integrations import client, rules
from integrations.contracts import RunClock
from segments.adapters import segmentation
from segments.adapters.http import HttpSegmentation
from segments.services import sync
client.TIMEOUT_SECONDS = 0.5  # the same code with shorter times
HttpSegmentation.page_size = 1_000
rules.retry_delay = lambda failures, jitter: timedelta(seconds=0.2)
rules.open_duration = lambda failures: timedelta(seconds=0.3) if failures >= rules.FAILURES_TO_OPEN else None
from integrations.services import circuit_breaker, sync_jobs
sync_jobs.LEASE, circuit_breaker.TRIAL_TIMEOUT = timedelta(seconds=2), timedelta(seconds=1)
while True:
    clock = RunClock(timezone.now())
    sync.sync_due(service=segmentation(clock), clock=clock)
    time.sleep(0.05)
"""


@pytest.fixture
def outside(settings: Any) -> Iterator[FakeServices]:
    with FakeServices(seed=7) as fake:
        settings.SEGMENTATION_SERVICE_URL, settings.SEGMENTATION_SERVICE_KEY = fake.url, KEY
        yield fake


@pytest.fixture
def worker(outside: FakeServices, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Function that starts processes that sync what is due, with shorter pauses than in production."""
    database = urlsplit(configured.DATABASE_URL)._replace(path="/" + quote(connection.settings_dict["NAME"])).geturl()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT), "DATABASE_URL": database,
        "SEGMENTATION_SERVICE_URL": outside.url, "SEGMENTATION_SERVICE_KEY": KEY,
    }  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / f"worker{len(started)}.log").open("wb") as log:
            started.append(
                subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, stdout=log, stderr=log)
            )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(10)


def create_segment(brand: Any, number: int) -> Segment:
    """Create a segment with all customers."""
    now = timezone.now()
    segment = Segment.objects.create(
        brand=brand, segment_type=f"kind{number}", start_date=now, end_date=now + timedelta(days=7), due_at=now,
        state=State.SYNCING, members_count=MEMBERS,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segments_segmentmember (segment_id, customer_id) SELECT %s, id FROM accounts_customer",
            [segment.pk],
        )
    sync.request_sync(segment_ids=[segment.pk], at=now)
    return segment


def test_killed_workers_and_a_failing_service_end_with_the_same_members(
    outside: FakeServices, worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_customer (customer_id) SELECT 'c' || n FROM generate_series(1, %s) n", [MEMBERS]
        )
    brand = BrandFactory()
    outside.fault_rates = {"fail": 0.15, "reset": 0.05, "swallow": 0.05, "half": 0.02, "lie": 0.003, "hang": 0.02}
    segments = [create_segment(brand, number) for number in range(SEGMENTS)]
    kills, started = 0, time.monotonic()

    def is_finished() -> bool:
        return not SyncJob.objects.exclude(acknowledged=1).exclude(acknowledged=2).exists() and not any(
            job.is_open for job in SyncJob.objects.all()
        )

    workers = [worker(), worker()]
    while not is_finished():
        assert time.monotonic() - started < 280, "the jobs did not finish"
        time.sleep(0.7)
        if kills < 20:
            process = workers.pop(0)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
            kills += 1
            workers.append(worker())
        if kills == 8:
            ended = [segment.pk for segment in segments[:ENDED]]
            Segment.objects.filter(pk__in=ended).update(state=State.RELEASING, epoch=1)
            sync.request_sync(segment_ids=ended, at=timezone.now())

    print(f"{kills} workers were killed, {len(outside.calls)} calls, {time.monotonic() - started:.0f} s")
    assert kills >= 8
    with connection.cursor() as cursor:
        cursor.execute("SELECT xact_start FROM pg_stat_activity WHERE state = 'idle in transaction'")
        assert cursor.fetchall() == []
    expected = sorted(f"c{number}" for number in range(1, MEMBERS + 1))
    for segment in segments[:ENDED]:
        assert outside.segments[str(segment.pk)].deleted
    for segment in segments[ENDED:]:
        segment.refresh_from_db()
        assert segment.state == State.ACTIVE
        assert SegmentMember.objects.filter(segment=segment).count() == MEMBERS
        assert sorted(outside.segments[str(segment.pk)].members) == expected
