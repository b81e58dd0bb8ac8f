"""Real workers die again and again while a service fails a third of its calls: in the end it knows what we know."""

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
from tests.fakes.external_services import KEY, Outside

ROOT = Path(__file__).resolve().parents[2]
MEMBERS, SEGMENTS, ENDED = 60_000, 6, 2
pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
SCRIPT = """
import time
from datetime import timedelta
import django; django.setup()
from django.utils import timezone
from integrations import client, rules
from integrations.contracts import Clock
from segments.adapters import segmentation
from segments.adapters.http import HttpSegmentation
from segments.services import syncing
client.SECONDS = 0.5                                          # the same code in a quicker world
HttpSegmentation.page_size = 1_000
rules.back_off = lambda failures, chance: timedelta(seconds=0.2)
rules.pause = lambda failures: timedelta(seconds=0.3) if failures >= rules.FAILURES_TO_OPEN else None
from integrations.services import breaker, errands
errands.LEASE, breaker.TRIAL = timedelta(seconds=2), timedelta(seconds=1)
while True:
    clock = Clock(timezone.now())
    syncing.tell_due(outside=segmentation(clock), clock=clock)
    time.sleep(0.05)
"""


@pytest.fixture
def outside(settings: Any) -> Iterator[Outside]:
    with Outside(seed=7) as standin:
        settings.SEGMENTATION_SERVICE_URL, settings.SEGMENTATION_SERVICE_KEY = standin.url, KEY
        yield standin


@pytest.fixture
def worker(outside: Outside, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts processes that tell what is due, with shorter pauses than in service."""
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


def filled(brand: Any, number: int) -> Segment:
    """A segment of everybody."""
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


def test_workers_killed_at_random_and_a_failing_service_end_in_the_same_members(
    outside: Outside, worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_customer (customer_id) SELECT 'c' || n FROM generate_series(1, %s) n", [MEMBERS]
        )
    brand = BrandFactory()
    outside.faults = {"fail": 0.15, "reset": 0.05, "swallow": 0.05, "half": 0.02, "lie": 0.003, "hang": 0.02}
    segments = [filled(brand, number) for number in range(SEGMENTS)]
    deaths, began = 0, time.monotonic()

    def done() -> bool:
        return not SyncJob.objects.exclude(acknowledged=1).exclude(acknowledged=2).exists() and not any(
            errand.is_open for errand in SyncJob.objects.all()
        )

    workers = [worker(), worker()]
    while not done():
        assert time.monotonic() - began < 280, "it never came to an end"
        time.sleep(0.7)
        if deaths < 20:
            victim = workers.pop(0)
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait(10)
            deaths += 1
            workers.append(worker())
        if deaths == 8:
            ended = [it.pk for it in segments[:ENDED]]
            Segment.objects.filter(pk__in=ended).update(state=State.RELEASING, epoch=1)
            sync.request_sync(segment_ids=ended, at=timezone.now())

    print(f"{deaths} workers died, {len(outside.calls)} calls, {time.monotonic() - began:.0f} s")
    assert deaths >= 8
    with connection.cursor() as cursor:
        cursor.execute("SELECT xact_start FROM pg_stat_activity WHERE state = 'idle in transaction'")
        assert cursor.fetchall() == []
    ours = sorted(f"c{number}" for number in range(1, MEMBERS + 1))
    for segment in segments[:ENDED]:
        assert outside.segments[str(segment.pk)].deleted
    for segment in segments[ENDED:]:
        segment.refresh_from_db()
        assert segment.state == State.ACTIVE
        assert SegmentMember.objects.filter(segment=segment).count() == MEMBERS
        assert sorted(outside.segments[str(segment.pk)].members) == ours
