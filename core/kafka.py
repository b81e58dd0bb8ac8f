"""Consumption of Kafka topics at least once and in order, by processes that may stop at any moment.

A message's offset is committed after its effect, so effects must be idempotent. A message that is invalid goes to the
topic's dead letters, with the reason in its headers. If the database is unavailable, or another retryable error occurs,
the partitions are paused and the same message is tried again. So no message is skipped or overtakes another.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from prometheus_client import Counter, Gauge

from core.backoff import exponential_delay
from core.errors import Busy, DomainError, ServerError, Throttled, Unavailable

log = structlog.get_logger(__name__)

DEAD_LETTERS = "{}-dead-letter"
MAX_BACKOFF_SECONDS = 30.0  # between two attempts
MAX_UNEXPECTED_FAILURES = 5  # attempts at a message that fails for an unexpected reason
POLL_SECONDS = 1.0
DELIVERY_TIMEOUT_SECONDS = 30.0  # for storing a dead letter
RETRYABLE_ERRORS = (OperationalError, InterfaceError, Busy, Unavailable, Throttled)

LAG = Gauge(
    "promo_kafka_lag", "Messages waiting to be processed", ["topic", "partition"], multiprocess_mode="livemostrecent"
)
MESSAGES_PROCESSED = Counter("promo_kafka_messages", "Processed messages by outcome", ["topic", "outcome"])

MessageHandler = Callable[[bytes], None]
BatchHandler = Callable[[Sequence[bytes]], Sequence[DomainError | None]]


class KafkaConsumer:
    """A consumer of one topic that passes message values to ``handler``.

    It passes up to ``max_batch`` values that arrive within ``poll`` seconds together. The handler returns for each
    value None, or the ``DomainError`` that makes it invalid. If the handler raises an exception, it gets the same
    values again. Any number of consumers of a group, in any number of processes, share the partitions.
    """

    def __init__(
        self, *, topic: str, group: str, handler: BatchHandler, max_batch: int = 1, poll: float = POLL_SECONDS
    ) -> None:
        self.topic, self.handler, self.max_batch, self.poll = topic, handler, max_batch, poll
        self.failures, self.unexpected_failures, self.paused_until = 0, 0, 0.0
        servers = {"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS, **settings.KAFKA_OPTIONS}
        self.consumer = Consumer(
            {
                "auto.offset.reset": "earliest",
                "enable.auto.offset.store": False,  # stored below, after the message had its effect
                "auto.commit.interval.ms": 1000,
                "error_cb": _log_error,
                **servers,
                "group.id": group,
            }
        )
        self.producer = Producer({"enable.idempotence": True, "error_cb": _log_error, **servers})

    def run(self, *, until: Callable[[], bool]) -> None:
        """Consume messages until ``until`` returns true between two batches; then commit and leave the group."""
        self.consumer.subscribe([self.topic], on_assign=self._on_assign, on_revoke=_on_revoke)
        try:
            while not until():
                self._resume()
                arrived = self.consumer.consume(self.max_batch, self.poll)
                for message in arrived:
                    if (error := message.error()) is not None:
                        _log_error(error)
                if valid := [message for message in arrived if message.error() is None]:
                    self._process(valid)
        finally:
            self.consumer.close()
            self.producer.flush(DELIVERY_TIMEOUT_SECONDS)

    # --- processing --------------------------------------------------------------------------------------------------
    def _process(self, messages: Sequence[Message]) -> None:
        try:
            outcomes = self._handle(messages)
        except Exception as error:  # noqa: BLE001  (no message must be lost, whatever the error)
            self._pause_and_retry(messages, error)
            return
        finally:
            close_old_connections()
        self.failures = self.unexpected_failures = 0
        for outcome in outcomes:
            MESSAGES_PROCESSED.labels(self.topic, outcome).inc()
        for message in {message.partition(): message for message in messages}.values():  # the last of each partition
            with contextlib.suppress(KafkaException):  # the partition was reassigned; its new consumer reads this again
                self.consumer.store_offsets(message)
            self._record_lag(message)

    def _handle(self, messages: Sequence[Message]) -> list[str]:
        """Pass the messages to the handler and send invalid ones to the dead letters. Raises errors to be retried."""
        try:
            errors = self.handler([message.value() or b"" for message in messages])
        except RETRYABLE_ERRORS:
            raise
        except Exception:
            self.unexpected_failures += 1
            if self.unexpected_failures < MAX_UNEXPECTED_FAILURES:
                raise
            if len(messages) > 1:  # find the message that causes the error
                return [outcome for message in messages for outcome in self._handle([message])]
            log.exception("kafka_message_failed", topic=self.topic)
            errors = [ServerError()]
        for message, error in zip(messages, errors, strict=True):
            if error is not None:
                self._send_to_dead_letters(message, error)
        return ["taken" if error is None else "dead" for error in errors]

    def _send_to_dead_letters(self, message: Message, error: DomainError) -> None:
        """Store the message with the dead letters. Raises Unavailable if it could not be stored."""
        field_errors = "; ".join(f"{item['field']}: {item['detail']}" for item in (error.errors or [])[:10])
        position = f"{message.topic()}/{message.partition()}/{message.offset()}"
        log.warning("kafka_dead_letter", position=position, code=error.code, detail=error.detail, errors=field_errors)
        stored: list[bool] = []
        self.producer.produce(
            DEAD_LETTERS.format(self.topic),
            key=message.key(),
            value=message.value(),
            headers=[
                *(message.headers() or []),
                ("reason", error.code.encode()),
                ("detail", " ".join(filter(None, [error.detail, field_errors])).encode()[:2000]),
                ("from", position.encode()),
            ],
            on_delivery=lambda failure, _: stored.append(failure is None),
        )
        self.producer.flush(DELIVERY_TIMEOUT_SECONDS)
        if stored != [True]:
            raise Unavailable

    # --- pauses ------------------------------------------------------------------------------------------------------
    def _pause_and_retry(self, messages: Sequence[Message], error: Exception) -> None:
        """Return to the messages and pause all partitions for a while, without leaving the group."""
        self.failures += 1
        pause = exponential_delay(self.failures, first=0.2, maximum=MAX_BACKOFF_SECONDS).total_seconds()
        log.warning("kafka_paused", topic=self.topic, seconds=pause, failures=self.failures, error=repr(error))
        self.paused_until = time.monotonic() + pause
        self.consumer.pause(self.consumer.assignment())
        for message in {
            message.partition(): message for message in reversed(messages)
        }.values():  # the first of each partition
            with contextlib.suppress(KafkaException):  # the partition was reassigned
                position = TopicPartition(str(message.topic()), message.partition() or 0, message.offset() or 0)
                self.consumer.seek(position)

    def _resume(self) -> None:
        if self.paused_until and time.monotonic() >= self.paused_until:
            self.paused_until = 0.0
            self.consumer.resume(self.consumer.assignment())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.info(
            "kafka_partitions_assigned", topic=self.topic, partitions=[partition.partition for partition in partitions]
        )
        consumer.assign(partitions)
        if self.paused_until:
            consumer.pause(partitions)

    def _record_lag(self, message: Message) -> None:
        partition = TopicPartition(self.topic, message.partition() or 0)
        _, end = self.consumer.get_watermark_offsets(partition, cached=True)
        LAG.labels(self.topic, str(partition.partition)).set(max(0, end - 1 - (message.offset() or 0)))


def per_message(handler: MessageHandler) -> BatchHandler:
    """Return a batch handler that calls ``handler`` for one value after the other.

    A domain error that ``handler`` raises makes the value invalid, unless it is one of ``RETRYABLE_ERRORS``.
    """

    def handle(value: bytes) -> DomainError | None:
        try:
            handler(value)
        except RETRYABLE_ERRORS:
            raise
        except DomainError as error:
            return error
        return None

    return lambda values: [handle(value) for value in values]


def _log_error(error: KafkaError) -> None:
    log.warning("kafka_error", code=error.name(), error=error.str())


def _on_revoke(consumer: Any, partitions: list[TopicPartition]) -> None:
    """Log the revoked partitions; the client commits the stored offsets before it gives them up."""
    log.info("kafka_partitions_revoked", partitions=[partition.partition for partition in partitions])
