"""Processes that read Kafka are killed and stopped: every message has its effect, in order, once, and none is lost."""

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from segments.models import Audience, AudienceMember
from segments.proto.audience_update_pb2 import AudienceUpdate
from tests.factories import BrandFactory, CampaignFactory
from tests.fakes.kafka import OPTIONS, Kafka, until
from tests.platform import ROOT, database_url
from vouchers.consistency import check
from vouchers.models import FirstLogin, Voucher
from vouchers.proto.login_event_pb2 import LoginEvent

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
TOPIC, GROUP = "audience-updates", "promoplatform-audiences"
COUNT = 300
LOGINS = 300


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


def consumer(kafka: Kafka, log: Path, name: str = "consume_audience_updates") -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url(), "REDIS_URL": settings.REDIS_URL, "KAFKA_BOOTSTRAP_SERVERS": kafka.address,
        "KAFKA_OPTIONS": ",".join(f"{name}={value}" for name, value in OPTIONS.items()),
    }  # fmt: skip
    command = [sys.executable, "manage.py", name]
    with log.open("ab") as said:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)


def send(kafka: Kafka) -> None:
    """Each version of an audience has two customers more than the last; one message is bad."""
    for version in range(1, COUNT + 1):
        for slug in ("billo", "cake"):
            ids = [f"{slug}{number}" for number in range(version * 2)]
            change = AudienceUpdate(
                merchant_id=slug,
                segment_type="vip",
                operation=AudienceUpdate.REPLACE,
                customer_ids=ids,
                version=version,
            )
            kafka.send(TOPIC, change.SerializeToString(), key=f"{slug}/vip")
    kafka.send(TOPIC, b"\xff\xff", key="billo/vip")


def test_consumers_that_are_killed_lose_nothing_and_one_that_is_stopped_leaves_nothing_undone(
    kafka: Kafka, tmp_path: Path
) -> None:
    for slug in ("billo", "cake"):
        BrandFactory(slug=slug)
    send(kafka)
    log, done = tmp_path / "consumer.log", 0
    for _ in range(3):
        process = consumer(kafka, log)
        until(partial(more_than, done + 20), "more is taken", 60)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        done = sum_of_versions()

    assert 0 < done < COUNT * 2, "it was never killed in the middle"
    last = consumer(kafka, log)
    until(lambda: kafka.committed(TOPIC, GROUP) == COUNT * 2 + 1, f"all is committed\n{log.read_text()[-2000:]}", 120)
    last.send_signal(signal.SIGTERM)

    assert last.wait(20) == 0
    assert log.read_text().endswith("stopped\n")
    assert sum_of_versions() == COUNT * 2
    assert set(Audience.objects.values_list("size", flat=True)) == {COUNT * 2}
    assert AudienceMember.objects.count() == COUNT * 4
    (dead,) = kafka.read(f"{TOPIC}-dead-letter", 1)
    assert dead.value() == b"\xff\xff"


def test_logins_that_are_taken_again_after_a_death_count_once(kafka: Kafka, tmp_path: Path) -> None:
    CampaignFactory(slug="spring", quota=100)
    log, now = tmp_path / "consumer.log", timezone.now()
    for number in range(3):
        tell(kafka, number, now)
        process = consumer(kafka, log, "consume_login_events")
        until(partial(more_logins_than, number * LOGINS), "some are taken", 60)
        process.send_signal(signal.SIGKILL)  # as soon as they had their effect: mostly before their offset is kept
        process.wait(10)
    tell(kafka, 3, now)

    last = consumer(kafka, log, "consume_login_events")
    until(lambda: kafka.committed("login-events", "promoplatform-logins") == 4 * LOGINS, "all is committed", 120)
    last.send_signal(signal.SIGTERM)

    assert last.wait(20) == 0
    assert FirstLogin.objects.count() == 4 * LOGINS
    assert list(Voucher.objects.order_by("rank").values_list("rank", flat=True)) == list(range(1, 101))
    assert list(check(at=now, repair=False)) == []


def tell(kafka: Kafka, number: int, now: datetime) -> None:
    """The next of the logins, the latest first."""
    for place in range(number * LOGINS, (number + 1) * LOGINS):
        event = LoginEvent(event_id=f"e{place}", customer_id=f"c{place}", campaign="spring")
        event.at.FromDatetime(now - timedelta(seconds=place))
        kafka.send("login-events", event.SerializeToString(), key="spring")


def more_logins_than(number: int) -> bool:
    return FirstLogin.objects.count() > number


def sum_of_versions() -> int:
    return sum(version or 0 for version in Audience.objects.values_list("version", flat=True))


def more_than(goal: int) -> bool:
    return sum_of_versions() > goal
