"""Makers of codes are killed, over and over: what is counted is there, and the batch ends with exactly its number."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from django.conf import settings as configured
from django.db import connection

from promotions import services
from promotions.models import Code, CodeBatch
from tests.factories import BrandFactory, PromotionFactory

ROOT = Path(__file__).resolve().parents[2]
COUNT, KILLS = 40_000, 6
MAKER = """
import sys, uuid, django
django.setup()
from promotions.services import batches
batches.CHUNK = 500
print("ready", flush=True)
sys.stdin.readline()
batches.make_codes(batch_id=uuid.UUID(sys.argv[1]))
"""
pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


def maker(batch: CodeBatch) -> subprocess.Popen[bytes]:
    """A process that is ready to make the batch's codes, in small chunks."""
    database = urlsplit(configured.DATABASE_URL)._replace(path="/" + quote(connection.settings_dict["NAME"])).geturl()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database, "REDIS_URL": configured.REDIS_URL,
    }  # fmt: skip
    command = [sys.executable, "-c", MAKER, str(batch.pk)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == b"ready\n"
    return process


def go(process: subprocess.Popen[bytes]) -> None:
    """Let it begin."""
    assert process.stdin is not None
    with process.stdin as told:
        told.write(b"\n")


def wait_for_more(batch: CodeBatch) -> None:
    """Until somebody has made more of the batch."""
    ends = time.monotonic() + 60
    while CodeBatch.objects.get(pk=batch.pk).generated_count == batch.generated_count < COUNT:
        assert time.monotonic() < ends, "nobody makes any"
        time.sleep(0.01)


def test_makers_that_are_killed_leave_a_batch_that_is_made_to_the_last_code() -> None:
    batch = services.create_batch(
        promotion=PromotionFactory(brand=BrandFactory(), trigger="code"), count=COUNT, pattern="SUMMER-########"
    )
    dice = random.Random(5)
    seen = [0]
    for _ in range(KILLS):
        makers = [maker(batch) for _ in range(2)]
        for process in makers:
            go(process)
        wait_for_more(batch)
        time.sleep(dice.uniform(0, 0.3))
        for process in makers:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        batch.refresh_from_db()
        assert Code.objects.filter(batch=batch).count() == batch.generated_count
        seen.append(batch.generated_count)

    assert seen == sorted(seen)
    assert any(0 < one < COUNT for one in seen), "nobody was killed in the middle"
    last = maker(batch)
    go(last)
    assert last.wait(120) == 0
    batch.refresh_from_db()
    assert batch.is_generated
    assert batch.finished_at is not None
    assert Code.objects.filter(batch=batch).count() == COUNT
