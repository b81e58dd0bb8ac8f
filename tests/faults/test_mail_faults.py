"""A worker is killed while it sends: no customer gets a mail twice, and mails of unknown delivery are marked so."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone

from mailings.contracts import Recipient
from mailings.models import Mail, Mailing
from mailings.services import planning, sending
from promoplatform.celery import app
from tests.fakes.sendgrid import API_KEY, SendGrid
from tests.faults.tasks import send_task

ROOT = Path(__file__).resolve().parents[2]
MAILS = 5000
pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until the condition holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        time.sleep(0.05)


@pytest.fixture
def sendgrid() -> Iterator[SendGrid]:
    with SendGrid() as fake:
        yield fake


@pytest.fixture
def worker(sendgrid: SendGrid, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Function that starts real Celery workers on the test database, with a queue of their own."""
    database = urlsplit(configured.DATABASE_URL)._replace(path="/" + quote(connection.settings_dict["NAME"])).geturl()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database, "REDIS_URL": configured.REDIS_URL, "CELERY_BROKER_URL": configured.CELERY_BROKER_URL,
        "SENDGRID_API_KEY": API_KEY, "SENDGRID_URL": sendgrid.url, "SENDGRID_TIMEOUT": "30",
        "DEFAULT_FROM_EMAIL": "promoplatform <promotions@example.com>",
    }  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "promoplatform",
            "worker",
            "-P",
            "solo",
            "-l",
            "WARNING",
            "-Q",
            "mail-faults",
        ]
        with (tmp_path / f"worker{len(started)}.log").open("wb") as log:
            started.append(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
            )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    with app.connection_for_write() as broker:
        broker.default_channel.queue_purge("mail-faults")  # type: ignore[attr-defined]


def enqueue_sending() -> None:
    """Enqueue the task of the schedule."""
    send_task("mailings.send_due", queue="mail-faults")


def plan() -> Mailing:
    """Plan five thousand mails that are due now."""
    now = timezone.now()
    mailing = planning.plan_mailing(
        key="news", mail_type="tests.mailings.kinds.news", sender="b1", sender_name="Billo", marketing=True
    )
    recipients = [Recipient(number, f"shopper{number}@example.com", f"Shopper {number}") for number in range(MAILS)]
    planning.add_recipients(mailing=mailing, recipients=recipients, at=now)
    planning.finish_planning(mailing=mailing)
    return mailing


def count_by_status() -> Counter[str]:
    return Counter(Mail.objects.values_list("status", flat=True))


@pytest.mark.parametrize(
    ("behavior", "was_accepted"),
    [("hold", True), ("hang", False)],
    ids=["the provider had accepted the batch", "the provider had not accepted the batch"],
)
def test_killed_worker_leaves_one_batch_with_unknown_delivery(
    sendgrid: SendGrid, worker: Callable[[], subprocess.Popen[bytes]], behavior: str, was_accepted: bool
) -> None:
    mailing = plan()
    sendgrid.next(202, 202, behavior)
    first = worker()
    enqueue_sending()
    wait_until(sendgrid.hanging.is_set)  # the provider has the third batch and does not answer

    os.killpg(first.pid, signal.SIGKILL)
    first.wait(10)

    assert count_by_status() == {"sent": 2000, "sending": 1000, "planned": 2000}
    worker()
    enqueue_sending()
    wait_until(lambda: count_by_status()["sent"] == 4000)
    assert count_by_status() == {"sent": 4000, "sending": 1000}

    sending.send_due(at=timezone.now() + sending.LEASE + timedelta(minutes=1))

    assert count_by_status() == {"sent": 4000, "doubtful": 1000}
    mailing.refresh_from_db()
    assert mailing.status == "done"
    accepted = Counter(mail.custom_args["mail_id"] for mail in sendgrid.mails)
    assert set(accepted.values()) == {1}  # no mail twice
    answered = {int(sent.custom_args["mail_id"]) for sent in sendgrid.mails if sent.answered}
    assert answered == set(Mail.objects.filter(status="sent").values_list("pk", flat=True))
    unanswered = {int(sent.custom_args["mail_id"]) for sent in sendgrid.mails if not sent.answered}
    unknown = set(Mail.objects.filter(status="doubtful").values_list("pk", flat=True))
    assert unanswered == (unknown if was_accepted else set())
    assert len(set(Mail.objects.filter(status="doubtful").values_list("batch", flat=True))) == 1


def test_a_million_planned_mails_are_claimed_in_batches(settings: Any) -> None:
    """Check that neither a transaction nor memory holds them all: each claim reads about the same amount."""
    settings.EMAIL_BACKEND = "mailings.sendgrid.SendGridBackend"
    mailing = planning.plan_mailing(key="all", mail_type="tests.mailings.kinds.news", marketing=True)
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "INSERT INTO mail_mail (mailing_id, recipient, address, due_at) "
            "SELECT %s, n, 'shopper' || n || '@example.com', %s FROM generate_series(1, 1000000) n",
            [mailing.pk, now],
        )
        cursor.execute("VACUUM ANALYZE mail_mail")
    planning.finish_planning(mailing=mailing)

    started = time.perf_counter()
    batches = [sending._claim(mailing, now) for _ in range(20)]
    seconds = time.perf_counter() - started

    assert [batch and len(batch.rows) for batch in batches] == [1000] * 20
    assert seconds < 20 * 0.5
