"""Audiences come in: over HTTP and by Kafka, beside COPY of as many rows into a table of the same make.

``BENCH_CUSTOMERS`` (default 1,000,000) customers, each audience new. Kafka is the client library's own broker, in this
process, so its messages cross the loopback as a real one's do.
"""

import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from confluent_kafka import Producer
from django.db import connection
from django.utils import timezone

from accounts.services import issue_key
from benchmarks import environment, seed_data
from benchmarks.scenarios import Plan, interleaved, say, tell
from segments.models import Audience
from segments.proto.audience_update_pb2 import AudienceUpdate

LIMIT = "the limit: COPY, commit"
TOPIC = "audience-updates"
MESSAGE = 20_000  # ids
AHEAD = 8  # messages that are on their way; this broker forgets what lies too long
PATIENCE = 600.0  # seconds


def measure(plan: Plan) -> None:
    """Prints customers a second."""
    number = plan.size(int(os.environ.get("BENCH_CUSTOMERS", "1000000")), 30_000)
    names = [f"customer-{n:09d}" for n in range(number)]
    owner, key = seed_data.brand("audiences"), issue_key(brand=None, name="bench", at=timezone.now()).text
    file = seed_data.FOLDER / "customers.csv"
    file.write_text("\n".join(names) + "\n")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("CREATE TABLE bench_member (audience bigint, customer bigint, PRIMARY KEY (audience, customer))")
    say(f"{number:,} customers, {file.stat().st_size / number:.0f} bytes each")
    with environment.served("promoplatform.wsgi:application") as address, _broker() as (producer, brokers):
        url = f"{address}/api/internal/v1/audiences/{owner.slug}"
        post = partial(_post, url, key, file, number)
        _post(url, key, file, number)  # everybody is known from now on
        with _consumer(brokers):
            _by_kafka(producer, owner.slug, names[:10])  # it is there from now on
            contenders: dict[str, Callable[[], float]] = {
                LIMIT: lambda: _copied(number),
                "HTTP, CSV, customers who are known": post,
                "HTTP, CSV, customers who are new": lambda: post(forget=True),
                "HTTP, CSV, all of them in it already": lambda: post(again=True),
                f"Kafka, {MESSAGE:,} a message": lambda: _by_kafka(producer, owner.slug, names),
            }
            tell("Audiences coming in", interleaved(plan, contenders), unit="customers a second", against=LIMIT)


def _copied(number: int) -> float:
    """As many rows as there are customers, into a table with the key of the real one."""
    rows = "".join(f"1\t{n}\n" for n in range(number)).encode()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_member")
        started = time.perf_counter()
        with cursor.copy("COPY bench_member FROM STDIN") as copy:
            copy.write(rows)
        return number / (time.perf_counter() - started)


def _post(url: str, key: str, file: Path, number: int, *, forget: bool = False, again: bool = False) -> float:
    """Send the file as a new audience, or as one that is there already."""
    segment_type = _fresh()
    if forget:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE accounts_customer CASCADE")
    if again:
        _send(f"{url}/{segment_type}/?operation=replace", key, file)
    seed_data.vacuum()
    started = time.perf_counter()
    _send(f"{url}/{segment_type}/?operation=replace", key, file)
    took = time.perf_counter() - started
    _check(segment_type, number)
    return number / took


def _send(url: str, key: str, file: Path) -> None:
    headers = {
        "Authorization": f"Api-Key {key}", "Content-Type": "text/csv", "Content-Length": str(file.stat().st_size),
    }  # fmt: skip
    with (
        file.open("rb") as body,
        urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=PATIENCE) as answer,
    ):
        answer.read()


def _by_kafka(producer: Producer, merchant: str, names: list[str]) -> float:
    """Produce the audience in messages, the first replaces and the others add; until the last has taken effect."""
    segment_type = _fresh()
    seed_data.vacuum()
    started = time.perf_counter()
    for first in range(0, len(names), MESSAGE):
        update = AudienceUpdate(
            merchant_id=merchant, segment_type=segment_type, version=1, customer_ids=names[first : first + MESSAGE],
            operation=AudienceUpdate.ADD if first else AudienceUpdate.REPLACE,
        )  # fmt: skip
        producer.produce(TOPIC, update.SerializeToString(), key=f"{merchant}/{segment_type}")
        producer.flush()
        _wait_for(segment_type, first + MESSAGE * (1 - AHEAD), started)
    _wait_for(segment_type, len(names), started)
    return len(names) / (time.perf_counter() - started)


def _wait_for(segment_type: str, size: int, started: float) -> None:
    while size > 0 and not Audience.objects.filter(segment_type=segment_type, size__gte=size).exists():
        if time.perf_counter() - started > PATIENCE:
            raise RuntimeError(f"{segment_type} never came to {size:,} customers")
        time.sleep(0.01)


def _check(segment_type: str, number: int) -> None:
    size = Audience.objects.get(segment_type=segment_type).size
    if size != number:
        raise RuntimeError(f"{segment_type} has {size:,} customers")


def _fresh() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


@contextmanager
def _broker() -> Iterator[tuple[Producer, str]]:
    """A broker in this process, and its address."""
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0, "linger.ms": 0})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    yield producer, f"{broker.host}:{broker.port}"


@contextmanager
def _consumer(brokers: str) -> Iterator[None]:
    """The consumer, as the Procfile has it."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "consume_audience_updates"], cwd=environment.ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"KAFKA_BOOTSTRAP_SERVERS": brokers},
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)
