"""Topics are read at least once and in order, by processes that may die at any moment.

A message's offset is committed after its effect, so effects must be idempotent. A message that can never be taken is
moved to the topic's dead letters, with the reason in its headers. When the database is away, or something else fails
that may work later, the partitions rest and the same message is tried again: nothing is skipped, nothing overtakes.
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

from core.errors import Busy, DomainError, ServerError, Throttled, Unavailable

log = structlog.get_logger(__name__)

DEAD_LETTERS = "{}-dead-letter"
MAX_BACKOFF_SECONDS = 30.0  # seconds between two tries
CLOSE_TIMEOUT_SECONDS = 5  # tries of a message that fails for a reason that nobody knows
POLL = 1.0  # seconds
DELIVERY = 30.0  # seconds that a dead letter may take to be kept
RETRYABLE_ERRORS = (OperationalError, InterfaceError, Busy, Unavailable, Throttled)  # what may work another time

LAG = Gauge(
    "promo_kafka_lag", "Messages that wait to be taken", ["topic", "partition"], multiprocess_mode="livemostrecent"
)
MESSAGES_PROCESSED = Counter("promo_kafka_messages", "Messages by what became of them", ["topic", "outcome"])

MessageHandler = Callable[[bytes], None]
BatchHandler = Callable[[Sequence[bytes]], Sequence[DomainError | None]]


class KafkaConsumer:
    """Reads one topic as a member of a group, and gives the messages' values to ``take``: up to ``most`` together, of
    those that arrive within ``poll`` seconds.

    ``take`` answers for each value None, or the ``Refusal`` that says why it is bad. What it was given when it raised
    something is given to it again. Any number of readers of a group, in any number of processes, share the partitions.
    """

    def __init__(self, *, topic: str, group: str, take: BatchHandler, max_batch: int = 1, poll: float = POLL) -> None:
        self.topic, self.take, self.max_batch, self.poll = topic, take, max_batch, poll
        self.failures, self.strange, self.rests_until = 0, 0, 0.0
        servers = {"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS, **settings.KAFKA_OPTIONS}
        self.consumer = Consumer(
            {
                "auto.offset.reset": "earliest",
                "enable.auto.offset.store": False,  # an offset is kept below, once its message had its effect
                "auto.commit.interval.ms": 1000,
                "error_cb": _error_text,
                **servers,
                "group.id": group,
            }
        )
        self.producer = Producer({"enable.idempotence": True, "error_cb": _error_text, **servers})

    def run(self, *, until: Callable[[], bool]) -> None:
        """Read until told to stop, which is asked between messages; then commit and leave the group."""
        self.consumer.subscribe([self.topic], on_assign=self._assigned, on_revoke=_revoked)
        try:
            while not until():
                self._resume()
                arrived = self.consumer.consume(self.max_batch, self.poll)
                for message in arrived:
                    if (error := message.error()) is not None:
                        _error_text(error)
                if good := [message for message in arrived if message.error() is None]:
                    self._process(good)
        finally:
            self.consumer.close()
            self.producer.flush(DELIVERY)

    # --- what is taken together --------------------------------------------------------------------------------------
    def _process(self, messages: Sequence[Message]) -> None:
        try:
            outcomes = self._handle(messages)
        except Exception as error:  # noqa: BLE001  (whatever it is, no message must be lost)
            self._pause_and_retry(messages, error)
            return
        finally:
            close_old_connections()
        self.failures = self.strange = 0
        for outcome in outcomes:
            MESSAGES_PROCESSED.labels(self.topic, outcome).inc()
        for message in {message.partition(): message for message in messages}.values():  # the last of each partition
            with contextlib.suppress(KafkaException):  # the partition is another reader's now, who reads this again
                self.consumer.store_offsets(message)
            self._record_lag(message)

    def _handle(self, messages: Sequence[Message]) -> list[str]:
        """Let the messages have their effect, or give them to the dead letters; raises what calls for another try."""
        try:
            refusals = self.take([message.value() or b"" for message in messages])
        except RETRYABLE_ERRORS:
            raise
        except Exception:
            self.strange += 1
            if self.strange < CLOSE_TIMEOUT_SECONDS:
                raise
            if len(messages) > 1:  # one of them is to blame
                return [outcome for message in messages for outcome in self._handle([message])]
            log.exception("kafka_message_failed", topic=self.topic)
            refusals = [ServerError()]
        for message, refusal in zip(messages, refusals, strict=True):
            if refusal is not None:
                self._send_to_dead_letters(message, refusal)
        return ["taken" if refusal is None else "dead" for refusal in refusals]

    def _send_to_dead_letters(self, message: Message, refusal: DomainError) -> None:
        """Keep the message with the dead letters; raises Unavailable when it cannot be kept."""
        faults = "; ".join(f"{fault['field']}: {fault['detail']}" for fault in (refusal.errors or [])[:10])
        place = f"{message.topic()}/{message.partition()}/{message.offset()}"
        log.warning("kafka_dead_letter", place=place, code=refusal.code, detail=refusal.detail, faults=faults)
        kept: list[bool] = []
        self.producer.produce(
            DEAD_LETTERS.format(self.topic),
            key=message.key(),
            value=message.value(),
            headers=[
                *(message.headers() or []),
                ("reason", refusal.code.encode()),
                ("detail", " ".join(filter(None, [refusal.detail, faults])).encode()[:2000]),
                ("from", place.encode()),
            ],
            on_delivery=lambda error, _: kept.append(error is None),
        )
        self.producer.flush(DELIVERY)
        if kept != [True]:
            raise Unavailable

    # --- rests -------------------------------------------------------------------------------------------------------
    def _pause_and_retry(self, messages: Sequence[Message], error: Exception) -> None:
        """Go back to the messages and let all partitions rest a while; the group still hears from us."""
        self.failures += 1
        pause = min(MAX_BACKOFF_SECONDS, 0.1 * 2 ** min(self.failures, 12))
        log.warning("kafka_rests", topic=self.topic, seconds=pause, failures=self.failures, error=repr(error))
        self.rests_until = time.monotonic() + pause
        self.consumer.pause(self.consumer.assignment())
        for message in {message.partition(): message for message in reversed(messages)}.values():  # each one's first
            with contextlib.suppress(KafkaException):  # the partition is another reader's now
                place = TopicPartition(str(message.topic()), message.partition() or 0, message.offset() or 0)
                self.consumer.seek(place)

    def _resume(self) -> None:
        if self.rests_until and time.monotonic() >= self.rests_until:
            self.rests_until = 0.0
            self.consumer.resume(self.consumer.assignment())

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.info("kafka_partitions", topic=self.topic, partitions=[one.partition for one in partitions])
        consumer.assign(partitions)
        if self.rests_until:
            consumer.pause(partitions)

    def _record_lag(self, message: Message) -> None:
        place = TopicPartition(self.topic, message.partition() or 0)
        _, end = self.consumer.get_watermark_offsets(place, cached=True)
        LAG.labels(self.topic, str(place.partition)).set(max(0, end - 1 - (message.offset() or 0)))


def per_message(take: MessageHandler) -> BatchHandler:
    """``take`` for one value after the other; a ``Refusal`` that it raises says that the value is bad, unless it is one
    of ``LATER``.
    """

    def refusal_of(value: bytes) -> DomainError | None:
        try:
            take(value)
        except RETRYABLE_ERRORS:
            raise
        except DomainError as refusal:
            return refusal
        return None

    return lambda values: [refusal_of(value) for value in values]


def _error_text(error: KafkaError) -> None:
    log.warning("kafka_error", code=error.name(), error=error.str())


def _revoked(consumer: Any, partitions: list[TopicPartition]) -> None:
    """What was stored is committed by the client before others get the partitions."""
    log.info("kafka_partitions_given_up", partitions=[one.partition for one in partitions])
