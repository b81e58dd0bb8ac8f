"""Kafka consumers are killed and stopped: every message has its effect, in order and once, and none is lost."""

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
from tests.fakes.kafka import OPTIONS, Kafka
from tests.platform import ROOT, database_url, wait_until
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


def start_consumer(kafka: Kafka, log: Path, name: str = "consume_audience_updates") -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url(), "REDIS_URL": settings.REDIS_URL, "KAFKA_BOOTSTRAP_SERVERS": kafka.address,
        "KAFKA_OPTIONS": ",".join(f"{name}={value}" for name, value in OPTIONS.items()),
    }  # fmt: skip
    command = [sys.executable, "manage.py", name]
    with log.open("ab") as output:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)


def send(kafka: Kafka) -> None:
    """Send versions of two audiences, each with two more customers than the previous one, and one invalid message."""
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


def test_killed_and_stopped_consumers_lose_no_message(kafka: Kafka, tmp_path: Path) -> None:
    for slug in ("billo", "cake"):
        BrandFactory(slug=slug)
    send(kafka)
    log, done = tmp_path / "consumer.log", 0
    for _ in range(3):
        process = start_consumer(kafka, log)
        wait_until(partial(has_progress, done + 20), "more messages are processed", 60)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        done = sum_versions()

    assert 0 < done < COUNT * 2, "it was never killed in the middle"
    last = start_consumer(kafka, log)
    wait_until(
        lambda: kafka.count_committed(TOPIC, GROUP) == COUNT * 2 + 1,
        f"all messages are committed\n{log.read_text()[-2000:]}",
        120,
    )
    last.send_signal(signal.SIGTERM)

    assert last.wait(20) == 0
    assert log.read_text().endswith("Stopped.\n")
    assert sum_versions() == COUNT * 2
    assert set(Audience.objects.values_list("size", flat=True)) == {COUNT * 2}
    assert AudienceMember.objects.count() == COUNT * 4
    (dead,) = kafka.read(f"{TOPIC}-dead-letter", 1)
    assert dead.value() == b"\xff\xff"


def test_redelivered_logins_count_once(kafka: Kafka, tmp_path: Path) -> None:
    CampaignFactory(slug="spring", quota=100)
    log, now = tmp_path / "consumer.log", timezone.now()
    for number in range(3):
        send_logins(kafka, number, now)
        process = start_consumer(kafka, log, "consume_login_events")
        wait_until(partial(has_more_logins, number * LOGINS), "some logins are processed", 60)
        process.send_signal(signal.SIGKILL)  # right after their effect, mostly before the offset is committed
        process.wait(10)
    send_logins(kafka, 3, now)

    last = start_consumer(kafka, log, "consume_login_events")
    wait_until(
        lambda: kafka.count_committed("login-events", "promoplatform-logins") == 4 * LOGINS,
        "all messages are committed",
        120,
    )
    last.send_signal(signal.SIGTERM)

    assert last.wait(20) == 0
    assert FirstLogin.objects.count() == 4 * LOGINS
    assert list(Voucher.objects.order_by("rank").values_list("rank", flat=True)) == list(range(1, 101))
    assert list(check(at=now, repair=False)) == []


def send_logins(kafka: Kafka, number: int, now: datetime) -> None:
    """Send the next logins, the latest first."""
    for index in range(number * LOGINS, (number + 1) * LOGINS):
        event = LoginEvent(event_id=f"e{index}", customer_id=f"c{index}", campaign="spring")
        event.at.FromDatetime(now - timedelta(seconds=index))
        kafka.send("login-events", event.SerializeToString(), key="spring")


def has_more_logins(number: int) -> bool:
    return FirstLogin.objects.count() > number


def sum_versions() -> int:
    return sum(version or 0 for version in Audience.objects.values_list("version", flat=True))


def has_progress(minimum: int) -> bool:
    return sum_versions() > minimum
