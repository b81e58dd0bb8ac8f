"""Workers are killed while they send voucher mails: one mail is planned per voucher, and none is sent twice.

Mails of a killed worker whose delivery is unknown are marked so and not sent again automatically.
"""

import random
import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailings.models import Mail
from mailings.services import sending
from promoplatform.celery import app
from tests.fakes.sendgrid import API_KEY, SendGrid
from tests.faults.runner import QUOTA, TrialRun, web
from tests.faults.tasks import send_task
from tests.platform import Platform, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def long_tokens(settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES = 120


def enqueue_sending(system: Platform) -> None:
    """Enqueue the task of the schedule; twice, as a redelivered task."""
    with app.connection_for_write(f"redis://127.0.0.1:{system.redis_port}/0") as broker:
        for _ in range(2):
            send_task("mailings.send_due", connection=broker)


def enqueue_repeatedly(system: Platform, stop: threading.Event) -> None:
    while not stop.wait(0.2):
        enqueue_sending(system)


@pytest.mark.parametrize(
    ("fault", "behavior"),
    [
        ("the worker killed at a random moment", ""),
        ("the worker killed when the provider has accepted its mails", "hold"),
        ("the worker killed when the provider has not accepted its mails", "hang"),
    ],
)
def test_workers_killed_while_they_send_voucher_mails(fault: str, behavior: str) -> None:
    rng = random.Random(fault)
    with web() as system:
        system.environment |= {"SENDGRID_API_KEY": API_KEY, "WORKER_PROCESSES": "2"}
        run = TrialRun(system, fault)
        for _ in range(5):
            with SendGrid() as sendgrid:
                system.environment["SENDGRID_URL"] = sendgrid.url
                system.start("worker")
                run_trial(run, sendgrid, behavior, after=rng.randint(0, 150))
                system.kill("worker")
        run.check_results()


def run_trial(run: TrialRun, sendgrid: SendGrid, behavior: str, *, after: int) -> None:
    """Run a trial in which the worker is killed and another one, started afterwards, sends the rest."""
    system, stop = run.platform, threading.Event()
    earlier = set(Mail.objects.values_list("pk", flat=True))
    mails = Mail.objects.exclude(pk__in=earlier)
    restarted: list[datetime] = []  # when the second worker was started

    def inject_fault(_: object) -> None:
        if behavior:
            sendgrid.next(behavior)
        wait_until(
            lambda: sendgrid.hanging.is_set() if behavior else mails.exclude(status="planned").exists(),
            "the worker sends",
            120,
        )
        system.kill("worker")
        restarted.append(timezone.now())
        system.start("worker")

    thread = threading.Thread(target=enqueue_repeatedly, args=(system, stop))
    thread.start()
    try:
        run.run_trial(inject_fault, after=after)
        wait_until(
            lambda: not mails.filter(status="planned").exists(), f"all mails are sent\n{system.log('worker')}", 120
        )
    finally:
        stop.set()
        thread.join()
    wait_until(
        lambda: not mails.filter(status="sending", claimed_at__gte=restarted[0]).exists(), "all results are stored"
    )
    sending.mark_abandoned_unknown(at=timezone.now() + sending.LEASE + timedelta(minutes=1))

    ids_by_status = {
        state: set(mails.filter(status=state).values_list("pk", flat=True)) for state in ("sent", "doubtful")
    }
    accepted = Counter(int(mail.custom_args["mail_id"]) for mail in sendgrid.mails)
    assert len(ids_by_status["sent"]) + len(ids_by_status["doubtful"]) == mails.count() == QUOTA
    assert set(accepted.values()) <= {1}, "a mail was sent twice"
    assert ids_by_status["sent"] <= set(accepted)
    if behavior == "hold":
        assert ids_by_status["doubtful"] & set(accepted), "no batch was being sent"
    if behavior == "hang":
        assert ids_by_status["doubtful"] - set(accepted), "no batch was being sent"
