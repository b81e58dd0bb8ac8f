"""Messages are processed at least once and in order, invalid ones are dead-lettered, and none is skipped."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY

from core.errors import Busy, DomainError, InvalidRequest
from core.kafka import KafkaConsumer, per_message
from tests.fakes.kafka import OPTIONS, Kafka, headers_of

pytestmark = pytest.mark.django_db  # the consumer closes broken connections between messages
Until = Callable[[], bool]


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    """A fake Kafka broker."""
    return Kafka()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """The name of the test's own topic."""
    return str(request.node.name)


@pytest.fixture
def consume(kafka: Kafka, topic: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that consumes the topic with a handler until a condition is true."""
    settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_OPTIONS = kafka.address, OPTIONS
    monkeypatch.setattr("core.kafka.MAX_BACKOFF_SECONDS", 0.3)

    def run(handler: Any, until: Until, seconds: float = 30, max_batch: int = 1, poll: float = 0.1) -> None:
        deadline = time.monotonic() + seconds

        def is_done() -> bool:
            assert time.monotonic() < deadline, "The condition did not become true."
            return until()

        KafkaConsumer(
            topic=topic,
            group=topic,
            handler=per_message(handler) if max_batch == 1 else handler,
            max_batch=max_batch,
            poll=poll,
        ).run(until=is_done)

    return run


def test_messages_are_processed_in_order_also_after_a_change_of_consumer(
    kafka: Kafka, topic: str, consume: Callable[..., None]
) -> None:
    for number in range(20):
        kafka.send(topic, f"{number % 2} {number}".encode(), key=str(number % 2))
    processed: list[bytes] = []

    consume(processed.append, lambda: len(processed) >= 7)
    assert kafka.count_committed(topic, topic) == 7
    consume(processed.append, lambda: len(processed) >= 20)

    assert len(processed) == 20, "A stopped consumer causes no repetition."
    for key in (b"0 ", b"1 "):
        numbers = [int(value.split()[1]) for value in processed if value.startswith(key)]
        assert numbers == sorted(numbers)
    assert kafka.count_committed(topic, topic) == 20


def test_an_invalid_message_goes_to_the_dead_letters_with_its_reason(
    kafka: Kafka, topic: str, consume: Callable[..., None]
) -> None:
    for value in (b"good", b"bad", b"better"):
        kafka.send(topic, value, key="k")
    processed: list[bytes] = []

    def handle(value: bytes) -> None:
        if value == b"bad":
            raise InvalidRequest.field("size", "Must be even.")
        processed.append(value)

    consume(handle, lambda: len(processed) == 2)

    (dead,) = kafka.read(f"{topic}-dead-letter", 1)
    headers = headers_of(dead)
    assert (dead.key(), dead.value(), headers["reason"]) == (b"k", b"bad", b"invalid")
    assert b"size: Must be even." in headers["detail"]
    assert headers["from"].startswith(f"{topic}/".encode())
    assert headers["from"].endswith(b"/1")
    assert processed == [b"good", b"better"]
    assert kafka.count_committed(topic, topic) == 3


@pytest.mark.parametrize("error", [OperationalError("database unavailable"), Busy()], ids=["unavailable", "busy"])
def test_a_retryable_error_is_retried_and_no_message_overtakes(
    kafka: Kafka, consume: Callable[..., None], error: Exception, request: pytest.FixtureRequest
) -> None:
    topic = request.node.name
    for number in range(5):
        kafka.send(topic, str(number).encode(), key="k")
    attempts: list[bytes] = []
    processed: list[bytes] = []

    def handle(value: bytes) -> None:
        attempts.append(value)
        if value == b"2" and attempts.count(b"2") < 8:
            raise error
        processed.append(value)

    consume(handle, lambda: len(processed) == 5)

    assert processed == [b"0", b"1", b"2", b"3", b"4"]
    assert attempts == [b"0", b"1"] + [b"2"] * 8 + [b"3", b"4"]


def test_a_message_that_breaks_the_handler_goes_to_the_dead_letters(
    kafka: Kafka, topic: str, consume: Callable[..., None]
) -> None:
    for value in (b"good", b"breaks", b"better"):
        kafka.send(topic, value, key="k")
    attempts: list[bytes] = []

    def handle(value: bytes) -> None:
        attempts.append(value)
        if value == b"breaks":
            raise ZeroDivisionError

    consume(handle, lambda: attempts[-1:] == [b"better"])

    assert attempts == [b"good", *[b"breaks"] * 5, b"better"]
    (dead,) = kafka.read(f"{topic}-dead-letter", 1)
    assert headers_of(dead)["reason"] == b"server_error"


def test_one_broken_message_of_a_batch_goes_to_the_dead_letters_alone(
    kafka: Kafka, topic: str, consume: Callable[..., None]
) -> None:
    for number in range(20):
        kafka.send(topic, b"bad" if number == 9 else b"breaks" if number == 5 else str(number).encode(), key="k")
    attempts: list[int] = []
    processed: list[bytes] = []

    def handle(values: Sequence[bytes]) -> list[DomainError | None]:
        attempts.append(len(values))
        if b"breaks" in values:
            raise ZeroDivisionError
        processed.extend(value for value in values if value != b"bad")
        return [InvalidRequest() if value == b"bad" else None for value in values]

    consume(handle, lambda: len(processed) == 18, max_batch=20, poll=2.0)

    assert attempts == [20] * 5 + [1] * 20
    assert processed == [str(number).encode() for number in range(20) if number not in {5, 9}]
    reasons = {message.value(): headers_of(message)["reason"] for message in kafka.read(f"{topic}-dead-letter", 2)}
    assert reasons == {b"breaks": b"server_error", b"bad": b"invalid"}
    assert kafka.count_committed(topic, topic) == 20


@pytest.mark.fault
def test_a_message_without_a_committed_effect_is_processed_again(
    kafka: Kafka, topic: str, consume: Callable[..., None]
) -> None:
    """Stop the consumer between effect and commit, so that the message is delivered again."""
    kafka.send(topic, b"one", key="k")

    class ConsumerStopped(BaseException):
        pass

    def stop(value: bytes) -> None:
        raise ConsumerStopped

    with pytest.raises(ConsumerStopped):
        consume(stop, lambda: False)
    processed: list[bytes] = []
    consume(processed.append, lambda: bool(processed))

    assert processed == [b"one"]


def test_the_lag_is_recorded(kafka: Kafka, topic: str, consume: Callable[..., None]) -> None:
    for number in range(5):
        kafka.send(topic, str(number).encode(), key="k")
    processed: list[bytes] = []

    consume(processed.append, lambda: len(processed) == 3)

    samples = [sample for metric in REGISTRY.collect() if metric.name == "promo_kafka_lag" for sample in metric.samples]
    assert [sample.value for sample in samples if sample.labels["topic"] == topic] == [2.0]
    assert REGISTRY.get_sample_value("promo_kafka_messages_total", {"topic": topic, "outcome": "taken"}) == 3.0
