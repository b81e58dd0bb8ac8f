"""Audience imports over HTTP and Kafka, compared with COPY of the same rows into a similar table.

``BENCH_CUSTOMERS`` (default 1,000,000) customers, each audience new. Kafka is the client library's mock broker in this
process, so its messages cross the loopback like those of a real one.
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

from accounts.contracts import INTERNAL
from accounts.services import issue_key
from benchmarks import environment, seed_data
from benchmarks.scenarios import Plan, measure_interleaved, print_line, print_result
from segments.models import Audience
from segments.proto.audience_update_pb2 import AudienceUpdate

LIMIT = "the limit: COPY, commit"
TOPIC = "audience-updates"
IDS_PER_MESSAGE = 20_000  # ids
MAX_PENDING = 8  # unprocessed messages; the mock broker drops old ones
TIMEOUT_SECONDS = 600.0  # seconds


def measure(plan: Plan) -> None:
    """Print customers per second."""
    count = plan.choose_size(int(os.environ.get("BENCH_CUSTOMERS", "1000000")), 30_000)
    customer_ids = [f"customer-{n:09d}" for n in range(count)]
    brand, key = (
        seed_data.create_brand("audiences"),
        issue_key(brand=None, name="bench", scopes=INTERNAL, at=timezone.now()).text,
    )
    file = seed_data.DATA_DIR / "customers.csv"
    file.write_text("\n".join(customer_ids) + "\n")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "CREATE TABLE bench_audience_member (audience bigint, customer bigint, PRIMARY KEY (audience, customer))"
        )
    print_line(f"{count:,} customers, {file.stat().st_size / count:.0f} bytes each")
    with environment.serve("promoplatform.wsgi:application") as address, _broker() as (producer, brokers):
        url = f"{address}/api/internal/v1/audiences/{brand.slug}"
        post = partial(_run_http, url, key, file, count)
        _run_http(url, key, file, count)  # from now on all customers exist
        with _consumer(brokers):
            _run_kafka(producer, brand.slug, customer_ids[:10])  # from now on the consumer is ready
            contenders: dict[str, Callable[[], float]] = {
                LIMIT: lambda: _run_copy(count),
                "HTTP, CSV, existing customers": post,
                "HTTP, CSV, new customers": lambda: post(new_customers=True),
                "HTTP, CSV, all of them members already": lambda: post(repeated=True),
                f"Kafka, {IDS_PER_MESSAGE:,} per message": lambda: _run_kafka(producer, brand.slug, customer_ids),
            }
            print_result(
                "Audience imports", measure_interleaved(plan, contenders), unit="customers per second", against=LIMIT
            )


def _run_copy(count: int) -> float:
    """Copy as many rows as there are customers into a table with the key of the real one."""
    rows = "".join(f"1\t{n}\n" for n in range(count)).encode()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_audience_member")
        started = time.perf_counter()
        with cursor.copy("COPY bench_audience_member FROM STDIN") as copy:
            copy.write(rows)
        return count / (time.perf_counter() - started)


def _run_http(
    url: str, key: str, file: Path, count: int, *, new_customers: bool = False, repeated: bool = False
) -> float:
    """Send the file as a new audience, or as one that exists already."""
    segment_type = _new_segment_type()
    if new_customers:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE accounts_customer CASCADE")
    if repeated:
        _send(f"{url}/{segment_type}/?operation=replace", key, file)
    seed_data.vacuum()
    started = time.perf_counter()
    _send(f"{url}/{segment_type}/?operation=replace", key, file)
    duration = time.perf_counter() - started
    _check(segment_type, count)
    return count / duration


def _send(url: str, key: str, file: Path) -> None:
    headers = {
        "Authorization": f"Api-Key {key}", "Content-Type": "text/csv", "Content-Length": str(file.stat().st_size),
    }  # fmt: skip
    with (
        file.open("rb") as body,
        urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=TIMEOUT_SECONDS) as response,
    ):
        response.read()


def _run_kafka(producer: Producer, merchant: str, customer_ids: list[str]) -> float:
    """Produce the audience in messages, which replace and then add customers, and wait until all have an effect."""
    segment_type = _new_segment_type()
    seed_data.vacuum()
    started = time.perf_counter()
    for start in range(0, len(customer_ids), IDS_PER_MESSAGE):
        update = AudienceUpdate(
            merchant_id=merchant, segment_type=segment_type, version=1,
            customer_ids=customer_ids[start : start + IDS_PER_MESSAGE],
            operation=AudienceUpdate.ADD if start else AudienceUpdate.REPLACE,
        )  # fmt: skip
        producer.produce(TOPIC, update.SerializeToString(), key=f"{merchant}/{segment_type}")
        producer.flush()
        _wait_for(segment_type, start + IDS_PER_MESSAGE * (1 - MAX_PENDING), started)
    _wait_for(segment_type, len(customer_ids), started)
    return len(customer_ids) / (time.perf_counter() - started)


def _wait_for(segment_type: str, size: int, started: float) -> None:
    while size > 0 and not Audience.objects.filter(segment_type=segment_type, size__gte=size).exists():
        if time.perf_counter() - started > TIMEOUT_SECONDS:
            raise RuntimeError(f"{segment_type} did not reach {size:,} customers")
        time.sleep(0.01)


def _check(segment_type: str, count: int) -> None:
    size = Audience.objects.get(segment_type=segment_type).size
    if size != count:
        raise RuntimeError(f"{segment_type} has {size:,} customers")


def _new_segment_type() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


@contextmanager
def _broker() -> Iterator[tuple[Producer, str]]:
    """Start a broker in this process and yield its address."""
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0, "linger.ms": 0})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    yield producer, f"{broker.host}:{broker.port}"


@contextmanager
def _consumer(brokers: str) -> Iterator[None]:
    """Run the consumer of the Procfile."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "consume_audience_updates"], cwd=environment.ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"KAFKA_BOOTSTRAP_SERVERS": brokers},
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)
