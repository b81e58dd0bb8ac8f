"""A Kafka cluster in this process: the client library's own, over the real protocol on loopback."""

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

OPTIONS = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"}  # it sees who leaves by their silence alone


class Kafka:
    """A broker whose topics have four partitions; it ends with this object."""

    def __init__(self) -> None:
        self.producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
        (broker,) = self.producer.list_topics(timeout=10).brokers.values()
        self.address = f"{broker.host}:{broker.port}"

    def send(self, topic: str, value: bytes, key: str = "") -> None:
        """Keep a message in the topic."""
        self.producer.produce(topic, value, key=key)
        assert self.producer.flush(10) == 0

    def read(self, topic: str, count: int) -> list[Message]:
        """The first ``count`` messages of a topic."""
        reader = self._consumer("looking")
        partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
        reader.assign([TopicPartition(topic, number, 0) for number in partitions])
        found: list[Message] = []
        until(lambda: len(_more(reader, found)) >= count, f"{count} messages in {topic}")
        reader.close()
        return found

    def committed(self, topic: str, group: str) -> int:
        """How many messages of the topic the group has said to be done with."""
        reader = self._consumer(group)
        partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
        places = reader.committed([TopicPartition(topic, number) for number in partitions], timeout=10)
        reader.close()
        return sum(max(0, place.offset) for place in places)

    def _consumer(self, group: str) -> Consumer:
        return Consumer({"bootstrap.servers": self.address, "group.id": group, "enable.auto.commit": False})


def _more(reader: Consumer, found: list[Message]) -> list[Message]:
    message = reader.poll(0.1)
    if message is not None and message.error() is None:
        found.append(message)
    return found


def until(holds: Callable[[], Any], what: str, seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"in {seconds:.0f} s it never came to this: {what}"


def headers_of(message: Message) -> dict[str, bytes]:
    """A message's headers by name."""
    headers: Any = message.headers() or []
    return dict(headers)
