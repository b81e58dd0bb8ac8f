"""A worker dies in the middle of sending: nobody gets a mail twice, and what is in doubt is marked so."""

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

ROOT = Path(__file__).resolve().parents[2]
MAILS = 5000
pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


def until(holds: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something holds, or fail."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def sendgrid() -> Iterator[SendGrid]:
    with SendGrid() as standin:
        yield standin


@pytest.fixture
def worker(sendgrid: SendGrid, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts real Celery workers on this test's database, with a queue of their own."""
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


def ask_to_send() -> None:
    """What beat does every minute."""
    app.send_task("mailings.send_due", queue="mail-faults", ignore_result=True)


def plan() -> Mailing:
    """Five thousand planned mails, due now."""
    now = timezone.now()
    mailing = planning.plan_mailing(
        key="news", mail_type="tests.mailings.kinds.news", sender="b1", sender_name="Billo", marketing=True
    )
    recipients = [Recipient(number, f"shopper{number}@example.com", f"Shopper {number}") for number in range(MAILS)]
    planning.add_recipients(mailing=mailing, recipients=recipients, at=now)
    planning.finish_planning(mailing=mailing)
    return mailing


def states() -> Counter[str]:
    return Counter(Mail.objects.values_list("status", flat=True))


@pytest.mark.parametrize(
    ("fate", "taken"),
    [("hold", True), ("hang", False)],
    ids=["the provider had taken the batch", "the provider had not taken the batch"],
)
def test_a_worker_killed_in_the_middle_leaves_one_doubtful_batch_and_sends_the_rest_once(
    sendgrid: SendGrid, worker: Callable[[], subprocess.Popen[bytes]], fate: str, taken: bool
) -> None:
    mailing = plan()
    sendgrid.next(202, 202, fate)
    first = worker()
    ask_to_send()
    until(sendgrid.held.is_set)  # the third batch is at the provider, and no answer comes

    os.killpg(first.pid, signal.SIGKILL)
    first.wait(10)

    assert states() == {"sent": 2000, "sending": 1000, "planned": 2000}
    worker()
    ask_to_send()
    until(lambda: states()["sent"] == 4000)
    assert states() == {"sent": 4000, "sending": 1000}

    sending.send_due(at=timezone.now() + sending.LEASE + timedelta(minutes=1))

    assert states() == {"sent": 4000, "doubtful": 1000}
    mailing.refresh_from_db()
    assert mailing.status == "done"
    accepted = Counter(taken.custom_args["mail_id"] for taken in sendgrid.taken)
    assert set(accepted.values()) == {1}  # nobody twice
    answered = {int(taken.custom_args["mail_id"]) for taken in sendgrid.taken if taken.answered}
    assert answered == set(Mail.objects.filter(status="sent").values_list("pk", flat=True))
    unanswered = {int(taken.custom_args["mail_id"]) for taken in sendgrid.taken if not taken.answered}
    doubtful = set(Mail.objects.filter(status="doubtful").values_list("pk", flat=True))
    assert unanswered == (doubtful if taken else set())
    assert len(set(Mail.objects.filter(status="doubtful").values_list("batch", flat=True))) == 1


def test_a_million_planned_mails_are_claimed_a_batch_at_a_time(settings: Any) -> None:
    """Neither one transaction nor memory holds them all: the first and the last claim read as little as each other."""
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
    spent = time.perf_counter() - started

    assert [batch and len(batch.rows) for batch in batches] == [1000] * 20
    assert spent < 20 * 0.5
