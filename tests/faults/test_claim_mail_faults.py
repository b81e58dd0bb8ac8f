"""Workers are killed while they tell the winners: a mail is planned per winner, and none is sent twice.

What a killed worker had handed over, and nobody can know whether it arrived, is doubtful and not sent again by itself.
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
from tests.faults.runner import QUOTA, Trials, web
from tests.platform import Platform, until

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def long_tokens(settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES = 120


def ask_to_send(parts: Platform) -> None:
    """What beat does every minute; twice, as a redelivered task comes."""
    with app.connection_for_write(f"redis://127.0.0.1:{parts.redis_port}/0") as broker:
        for _ in range(2):
            app.send_task("mailings.send_due", connection=broker, ignore_result=True)


def asked_all_the_time(parts: Platform, ended: threading.Event) -> None:
    while not ended.wait(0.2):
        ask_to_send(parts)


@pytest.mark.parametrize(
    ("fault", "fate"),
    [
        ("the worker killed at a random moment", ""),
        ("the worker killed when the provider has taken its mails", "hold"),
        ("the worker killed when the provider has not taken its mails", "hang"),
    ],
)
def test_workers_killed_while_they_tell_the_winners(fault: str, fate: str) -> None:
    dice = random.Random(fault)
    with web() as parts:
        parts.environment |= {"SENDGRID_API_KEY": API_KEY, "WORKER_PROCESSES": "2"}
        trials = Trials(parts, fault)
        for _ in range(5):
            with SendGrid() as sendgrid:
                parts.environment["SENDGRID_URL"] = sendgrid.url
                parts.start("worker")
                one_trial(trials, sendgrid, fate, after=dice.randint(0, 150))
                parts.kill("worker")
        trials.judge()


def one_trial(trials: Trials, sendgrid: SendGrid, fate: str, *, after: int) -> None:
    """A burst, in the middle of which the worker is killed and another started, which sends the rest."""
    parts, ended = trials.parts, threading.Event()
    before = set(Mail.objects.values_list("pk", flat=True))
    mails = Mail.objects.exclude(pk__in=before)
    began: list[datetime] = []  # the second worker

    def strike(_: object) -> None:
        if fate:
            sendgrid.next(fate)
        until(lambda: sendgrid.held.is_set() if fate else mails.exclude(status="planned").exists(), "it sends", 120)
        parts.kill("worker")
        began.append(timezone.now())
        parts.start("worker")

    asking = threading.Thread(target=asked_all_the_time, args=(parts, ended))
    asking.start()
    try:
        trials.burst(strike, after=after)
        until(lambda: not mails.filter(status="planned").exists(), f"all is sent\n{parts.log('worker')}", 120)
    finally:
        ended.set()
        asking.join()
    until(lambda: not mails.filter(status="sending", claimed_at__gte=began[0]).exists(), "all is written down")
    sending.mark_abandoned_unknown(at=timezone.now() + sending.LEASE + timedelta(minutes=1))

    of = {state: set(mails.filter(status=state).values_list("pk", flat=True)) for state in ("sent", "doubtful")}
    taken = Counter(int(one.custom_args["mail_id"]) for one in sendgrid.taken)
    assert len(of["sent"]) + len(of["doubtful"]) == mails.count() == QUOTA
    assert set(taken.values()) <= {1}, "somebody was told twice"
    assert of["sent"] <= set(taken)
    if fate == "hold":
        assert of["doubtful"] & set(taken), "nobody was in the middle of sending"
    if fate == "hang":
        assert of["doubtful"] - set(taken), "nobody was in the middle of sending"
