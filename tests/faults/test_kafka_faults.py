"""The process that reads Kafka is killed and stopped: every update has its effect, in order, and none is lost."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from segments.models import Audience, AudienceMember
from segments.proto.audience_update_pb2 import AudienceUpdate
from tests.factories import BrandFactory
from tests.running import ROOT, database_url
from tests.standins.kafka import OPTIONS, Kafka, until

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
TOPIC, GROUP = "audience-updates", "promoplatform-audiences"
COUNT = 300


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


def consumer(kafka: Kafka, log: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url(), "REDIS_URL": settings.REDIS_URL, "KAFKA_BOOTSTRAP_SERVERS": kafka.address,
        "KAFKA_OPTIONS": ",".join(f"{name}={value}" for name, value in OPTIONS.items()),
    }  # fmt: skip
    command = [sys.executable, "manage.py", "consume_audience_updates"]
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


def sum_of_versions() -> int:
    return sum(version or 0 for version in Audience.objects.values_list("version", flat=True))


def more_than(goal: int) -> bool:
    return sum_of_versions() > goal
