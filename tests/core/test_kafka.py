"""Messages are taken at least once and in order, bad ones are set aside with the reason, and nothing is skipped."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY

from core.errors import Busy, DomainError, InvalidRequest
from core.kafka import KafkaConsumer, per_message
from tests.fakes.kafka import OPTIONS, Kafka, headers_of

pytestmark = pytest.mark.django_db  # between messages a reader lets go of connections that broke
Until = Callable[[], bool]


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic of the test's own."""
    return str(request.node.name)


@pytest.fixture
def read(kafka: Kafka, topic: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Read the topic with a taker until something holds."""
    settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_OPTIONS = kafka.address, OPTIONS
    monkeypatch.setattr("core.kafka.MAX_BACKOFF_SECONDS", 0.3)

    def run(take: Any, until: Until, seconds: float = 30, most: int = 1, poll: float = 0.1) -> None:
        ends = time.monotonic() + seconds

        def over() -> bool:
            assert time.monotonic() < ends, "it never came to this"
            return until()

        KafkaConsumer(
            topic=topic, group=topic, handler=per_message(take) if most == 1 else take, max_batch=most, poll=poll
        ).run(until=over)

    return run


def test_messages_are_processed_in_order_also_after_a_change_of_consumer(
    kafka: Kafka, topic: str, read: Callable[..., None]
) -> None:
    for number in range(20):
        kafka.send(topic, f"{number % 2} {number}".encode(), key=str(number % 2))
    seen: list[bytes] = []

    read(seen.append, lambda: len(seen) >= 7)
    assert kafka.committed(topic, topic) == 7
    read(seen.append, lambda: len(seen) >= 20)

    assert len(seen) == 20, "nothing is taken twice by readers that were asked to stop"
    for key in (b"0 ", b"1 "):
        numbers = [int(value.split()[1]) for value in seen if value.startswith(key)]
        assert numbers == sorted(numbers)
    assert kafka.committed(topic, topic) == 20


def test_an_invalid_message_goes_to_the_dead_letters_with_its_reason(
    kafka: Kafka, topic: str, read: Callable[..., None]
) -> None:
    for value in (b"good", b"bad", b"better"):
        kafka.send(topic, value, key="k")
    seen: list[bytes] = []

    def take(value: bytes) -> None:
        if value == b"bad":
            raise InvalidRequest.field("size", "It is odd.")
        seen.append(value)

    read(take, lambda: len(seen) == 2)

    (dead,) = kafka.read(f"{topic}-dead-letter", 1)
    headers = headers_of(dead)
    assert (dead.key(), dead.value(), headers["reason"]) == (b"k", b"bad", b"invalid")
    assert b"size: It is odd." in headers["detail"]
    assert headers["from"].startswith(f"{topic}/".encode())
    assert headers["from"].endswith(b"/1")
    assert seen == [b"good", b"better"]
    assert kafka.committed(topic, topic) == 3


@pytest.mark.parametrize("error", [OperationalError("the database is away"), Busy()], ids=["away", "busy"])
def test_a_retryable_error_is_retried_and_no_message_overtakes(
    kafka: Kafka, read: Callable[..., None], error: Exception, request: pytest.FixtureRequest
) -> None:
    topic = request.node.name
    for number in range(5):
        kafka.send(topic, str(number).encode(), key="k")
    tries: list[bytes] = []
    seen: list[bytes] = []

    def take(value: bytes) -> None:
        tries.append(value)
        if value == b"2" and tries.count(b"2") < 8:
            raise error
        seen.append(value)

    read(take, lambda: len(seen) == 5)

    assert seen == [b"0", b"1", b"2", b"3", b"4"]
    assert tries == [b"0", b"1"] + [b"2"] * 8 + [b"3", b"4"]


def test_a_message_that_breaks_the_handler_goes_to_the_dead_letters(
    kafka: Kafka, topic: str, read: Callable[..., None]
) -> None:
    for value in (b"good", b"breaks", b"better"):
        kafka.send(topic, value, key="k")
    tries: list[bytes] = []

    def take(value: bytes) -> None:
        tries.append(value)
        if value == b"breaks":
            raise ZeroDivisionError

    read(take, lambda: tries[-1:] == [b"better"])

    assert tries == [b"good", *[b"breaks"] * 5, b"better"]
    (dead,) = kafka.read(f"{topic}-dead-letter", 1)
    assert headers_of(dead)["reason"] == b"server_error"


def test_one_broken_message_of_a_batch_goes_to_the_dead_letters_alone(
    kafka: Kafka, topic: str, read: Callable[..., None]
) -> None:
    for number in range(20):
        kafka.send(topic, b"bad" if number == 9 else b"breaks" if number == 5 else str(number).encode(), key="k")
    tries: list[int] = []
    seen: list[bytes] = []

    def take(values: Sequence[bytes]) -> list[DomainError | None]:
        tries.append(len(values))
        if b"breaks" in values:
            raise ZeroDivisionError
        seen.extend(value for value in values if value != b"bad")
        return [InvalidRequest() if value == b"bad" else None for value in values]

    read(take, lambda: len(seen) == 18, most=20, poll=2.0)

    assert tries == [20] * 5 + [1] * 20
    assert seen == [str(number).encode() for number in range(20) if number not in {5, 9}]
    reasons = {one.value(): headers_of(one)["reason"] for one in kafka.read(f"{topic}-dead-letter", 2)}
    assert reasons == {b"breaks": b"server_error", b"bad": b"invalid"}
    assert kafka.committed(topic, topic) == 20


@pytest.mark.fault
def test_a_message_without_a_committed_effect_is_processed_again(
    kafka: Kafka, topic: str, read: Callable[..., None]
) -> None:
    """A reader that dies between effect and commit: the message comes again."""
    kafka.send(topic, b"one", key="k")

    class Death(BaseException):
        pass

    def die(value: bytes) -> None:
        raise Death

    with pytest.raises(Death):
        read(die, lambda: False)
    seen: list[bytes] = []
    read(seen.append, lambda: bool(seen))

    assert seen == [b"one"]


def test_the_lag_is_recorded(kafka: Kafka, topic: str, read: Callable[..., None]) -> None:
    for number in range(5):
        kafka.send(topic, str(number).encode(), key="k")
    seen: list[bytes] = []

    read(seen.append, lambda: len(seen) == 3)

    samples = [one for metric in REGISTRY.collect() if metric.name == "promo_kafka_lag" for one in metric.samples]
    assert [one.value for one in samples if one.labels["topic"] == topic] == [2.0]
    assert REGISTRY.get_sample_value("promo_kafka_messages_total", {"topic": topic, "outcome": "taken"}) == 3.0
