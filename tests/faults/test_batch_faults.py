"""Code generators are killed repeatedly: the count is correct, and the batch ends with exactly its number of codes."""

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

from redemptions.codes.models import Code, CodeBatch
from tests.code_batches import create_batch
from tests.factories import BrandFactory, PromotionFactory

ROOT = Path(__file__).resolve().parents[2]
COUNT, KILLS = 40_000, 6
SCRIPT = """
import sys, uuid, django
django.setup()
from redemptions.codes.services import batches
batches.CHUNK = 500
print("ready", flush=True)
sys.stdin.readline()
batches.generate_codes(batch_id=uuid.UUID(sys.argv[1]))
"""
pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


def start_generator(batch: CodeBatch) -> subprocess.Popen[bytes]:
    """Start a process that is ready to generate the codes of the batch, in small chunks."""
    database = urlsplit(configured.DATABASE_URL)._replace(path="/" + quote(connection.settings_dict["NAME"])).geturl()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database, "REDIS_URL": configured.REDIS_URL,
    }  # fmt: skip
    command = [sys.executable, "-c", SCRIPT, str(batch.pk)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == b"ready\n"
    return process


def start_generating(process: subprocess.Popen[bytes]) -> None:
    """Let the process start."""
    assert process.stdin is not None
    with process.stdin as input_:
        input_.write(b"\n")


def wait_for_progress(batch: CodeBatch) -> None:
    """Wait until more codes of the batch are generated."""
    deadline = time.monotonic() + 60
    while CodeBatch.objects.get(pk=batch.pk).generated_count == batch.generated_count < COUNT:
        assert time.monotonic() < deadline, "no process generates codes"
        time.sleep(0.01)


def test_killed_generators_leave_a_batch_that_can_be_completed() -> None:
    batch = create_batch(PromotionFactory(brand=BrandFactory(), trigger="code"), count=COUNT, pattern="SUMMER-########")
    rng = random.Random(5)
    counts = [0]
    for _ in range(KILLS):
        generators = [start_generator(batch) for _ in range(2)]
        for process in generators:
            start_generating(process)
        wait_for_progress(batch)
        time.sleep(rng.uniform(0, 0.3))
        for process in generators:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        batch.refresh_from_db()
        assert Code.objects.filter(batch=batch).count() == batch.generated_count
        counts.append(batch.generated_count)

    assert counts == sorted(counts)
    assert any(0 < count < COUNT for count in counts), "no process was killed during generation"
    last = start_generator(batch)
    start_generating(last)
    assert last.wait(120) == 0
    batch.refresh_from_db()
    assert batch.is_generated
    assert batch.finished_at is not None
    assert Code.objects.filter(batch=batch).count() == COUNT
