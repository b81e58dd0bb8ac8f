"""Outbox messages and a real worker, with the queue, process and database of production."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from celery import Celery, shared_task
from django.conf import settings
from django.db import connection
from django.utils import timezone

from core import health, outbox, redis, tasks
from core.models import OutboxMessage
from core.outbox import enqueue_on_commit

pytestmark = pytest.mark.django_db(transaction=True)


def database_url() -> str:
    """Return the URL of the test database."""
    options = connection.settings_dict
    login = f"{quote(options['USER'])}:{quote(options['PASSWORD'])}"
    return f"postgresql://{login}@{quote(options['HOST'], safe='')}:{options['PORT'] or 5432}/{options['NAME']}"


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition of another process is true, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "The condition did not become true."
        time.sleep(0.05)


@shared_task(name="tests.fail_in_worker")
def fail() -> None:
    """Represent the worker's task of this name."""


@pytest.fixture
def queue(worker_id: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test's own queue, which the relay sends to."""
    name = f"test-{worker_id}"
    app = Celery("promoplatform", broker=settings.CELERY_BROKER_URL, task_cls=outbox.OutboxTask, set_as_current=False)
    app.conf.task_default_queue = name
    app.conf.broker_transport_options = {"global_keyprefix": f"{name}:"}
    monkeypatch.setattr(outbox, "current_app", app)
    return name


@shared_task(name="tests.die_in_worker")
def die() -> None:
    """Represent the worker's task of this name."""


@pytest.fixture
def worker(queue: str, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A Celery worker process on the test database and that queue."""
    script = (
        "from promoplatform.celery import app\n"
        "@app.task(name='tests.fail_in_worker')\n"
        "def fail(): raise ZeroDivisionError('by the test')\n"
        "@app.task(name='tests.die_in_worker')\n"
        "def die(): import os; os.kill(os.getpid(), 9)\n"
        f"app.conf.update(task_default_queue={queue!r}, broker_transport_options={{'global_keyprefix': '{queue}:'}})\n"
        f"app.worker_main(['worker', '-c', '1', '-Q', {queue!r}, '--without-gossip', '--without-mingle'])\n"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base",
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
    }
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    print((tmp_path / "worker.log").read_text()[-4000:])


def test_a_worker_settles_its_messages(worker: "subprocess.Popen[bytes]") -> None:
    enqueue_on_commit(tasks.record_heartbeat.name)
    enqueue_on_commit("tests.fail_in_worker")
    succeeding, failing = OutboxMessage.objects.order_by("pk")

    assert outbox.relay() == 2
    until(
        lambda: (
            redis.client().exists(health.HEARTBEAT) == 1 and not OutboxMessage.objects.filter(pk=succeeding.pk).exists()
        )
    )
    until(lambda: OutboxMessage.objects.exclude(last_error="").exists())

    failing.refresh_from_db()
    assert failing.last_error == "ZeroDivisionError: by the test"
    assert failing.dead_lettered_at is None
    assert 0 < (failing.due_at - timezone.now()).total_seconds() <= 10
    assert worker.poll() is None


def test_a_task_that_kills_its_worker_is_retried_and_finally_dead_lettered(
    worker: "subprocess.Popen[bytes]",
) -> None:
    enqueue_on_commit("tests.die_in_worker")
    message = OutboxMessage.objects.get()

    for attempt in range(1, outbox.MAX_WORKER_LOSSES + 1):
        OutboxMessage.objects.update(due_at=timezone.now())
        assert outbox.relay() == 1
        until(lambda: OutboxMessage.objects.exclude(last_error="").exists())
        message.refresh_from_db()
        assert (message.attempts, message.dead_lettered_at is not None) == (
            attempt,
            attempt == outbox.MAX_WORKER_LOSSES,
        )
        assert "died" in message.last_error
        OutboxMessage.objects.update(last_error="")

    enqueue_on_commit(tasks.record_heartbeat.name)
    assert outbox.relay() == 1
    until(lambda: OutboxMessage.objects.count() == 1)  # the worker continues with other tasks only
    message.refresh_from_db()
    assert message.attempts == outbox.MAX_WORKER_LOSSES
    assert worker.poll() is None
