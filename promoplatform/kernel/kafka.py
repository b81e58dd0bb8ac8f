"""Topics are read at least once and in order, by processes that may die at any moment.

A message's offset is committed after its effect, so effects must be idempotent. A message that can never be taken is
moved to the topic's dead letters, with the reason in its headers. When the database is away, or something else fails
that may work later, the partitions rest and the same message is tried again: nothing is skipped, nothing overtakes.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from prometheus_client import Counter, Gauge

from promoplatform.kernel.errors import Busy, Refusal, ServerError, Throttled, Unavailable

log = structlog.get_logger(__name__)

DEAD_LETTERS = "{}-dead-letter"
LONGEST_REST = 30.0  # seconds between two tries
PATIENCE = 5  # tries of a message that fails for a reason that nobody knows
POLL = 1.0  # seconds
DELIVERY = 30.0  # seconds that a dead letter may take to be kept
LATER = (OperationalError, InterfaceError, Busy, Unavailable, Throttled)  # what may work another time

LAG = Gauge(
    "promo_kafka_lag", "Messages that wait to be taken", ["topic", "partition"], multiprocess_mode="livemostrecent"
)
TAKEN = Counter("promo_kafka_messages", "Messages by what became of them", ["topic", "outcome"])

Take = Callable[[bytes], None]


class Reader:
    """Reads one topic as a member of a group, and gives each message's value to ``take``.

    A ``Refusal`` that ``take`` raises says that the message is bad, unless it is one of ``LATER``. Any number of
    readers of a group, in any number of processes, share the partitions.
    """

    def __init__(self, *, topic: str, group: str, take: Take, poll: float = POLL) -> None:
        self.topic, self.take, self.poll = topic, take, poll
        self.failures, self.strange, self.rests_until = 0, 0, 0.0
        servers = {"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS, **settings.KAFKA_OPTIONS}
        self.consumer = Consumer(
            {
                "auto.offset.reset": "earliest",
                "enable.auto.offset.store": False,  # an offset is kept below, once its message had its effect
                "auto.commit.interval.ms": 1000,
                "error_cb": _told,
                **servers,
                "group.id": group,
            }
        )
        self.producer = Producer({"enable.idempotence": True, "error_cb": _told, **servers})

    def run(self, *, until: Callable[[], bool]) -> None:
        """Read until told to stop, which is asked between messages; then commit and leave the group."""
        self.consumer.subscribe([self.topic], on_assign=self._assigned, on_revoke=_revoked)
        try:
            while not until():
                self._wake()
                message = self.consumer.poll(self.poll)
                if message is None:
                    continue
                if (error := message.error()) is not None:
                    _told(error)
                else:
                    self._take(message)
        finally:
            self.consumer.close()
            self.producer.flush(DELIVERY)

    # --- one message -------------------------------------------------------------------------------------------------
    def _take(self, message: Message) -> None:
        try:
            outcome = self._outcome(message)
        except Exception as error:  # noqa: BLE001  (whatever it is, the message must not be lost)
            self._rest(message, error)
            return
        finally:
            close_old_connections()
        self.failures = self.strange = 0
        TAKEN.labels(self.topic, outcome).inc()
        with contextlib.suppress(KafkaException):  # the partition is another reader's now, who reads this again
            self.consumer.store_offsets(message)
        self._measure(message)

    def _outcome(self, message: Message) -> str:
        """Give the message to ``take`` or to the dead letters; raises what calls for another try."""
        try:
            self.take(message.value() or b"")
        except LATER:
            raise
        except Refusal as refusal:
            self._bury(message, refusal)
        except Exception:
            self.strange += 1
            if self.strange < PATIENCE:
                raise
            log.exception("kafka_message_failed", topic=self.topic)
            self._bury(message, ServerError())
        else:
            return "taken"
        return "dead"

    def _bury(self, message: Message, refusal: Refusal) -> None:
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
    def _rest(self, message: Message, error: Exception) -> None:
        """Go back to the message and let all partitions rest a while; the group still hears from us."""
        self.failures += 1
        pause = min(LONGEST_REST, 0.1 * 2 ** min(self.failures, 12))
        log.warning("kafka_rests", topic=self.topic, seconds=pause, failures=self.failures, error=repr(error))
        self.rests_until = time.monotonic() + pause
        self.consumer.pause(self.consumer.assignment())
        with contextlib.suppress(KafkaException):  # the partition is another reader's now
            self.consumer.seek(TopicPartition(str(message.topic()), message.partition() or 0, message.offset() or 0))

    def _wake(self) -> None:
        if self.rests_until and time.monotonic() >= self.rests_until:
            self.rests_until = 0.0
            self.consumer.resume(self.consumer.assignment())

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.info("kafka_partitions", topic=self.topic, partitions=[one.partition for one in partitions])
        consumer.assign(partitions)
        if self.rests_until:
            consumer.pause(partitions)

    def _measure(self, message: Message) -> None:
        place = TopicPartition(self.topic, message.partition() or 0)
        _, end = self.consumer.get_watermark_offsets(place, cached=True)
        LAG.labels(self.topic, str(place.partition)).set(max(0, end - 1 - (message.offset() or 0)))


def _told(error: KafkaError) -> None:
    log.warning("kafka_error", code=error.name(), error=error.str())


def _revoked(consumer: Any, partitions: list[TopicPartition]) -> None:
    """What was stored is committed by the client before others get the partitions."""
    log.info("kafka_partitions_given_up", partitions=[one.partition for one in partitions])
