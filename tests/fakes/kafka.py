"""Kafka cluster in this process: the mock broker of the client library, over the real protocol on loopback."""

from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from tests.platform import wait_until

# The mock notices a lost consumer only by its timeout.
OPTIONS = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"}


class Kafka:
    """Broker whose topics have four partitions; it stops with this object."""

    def __init__(self) -> None:
        self.producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
        (broker,) = self.producer.list_topics(timeout=10).brokers.values()
        self.address = f"{broker.host}:{broker.port}"

    def send(self, topic: str, value: bytes, key: str = "") -> None:
        """Add a message to the topic."""
        self.producer.produce(topic, value, key=key)
        assert self.producer.flush(10) == 0

    def read(self, topic: str, count: int) -> list[Message]:
        """Return the first ``count`` messages of a topic."""
        consumer = self._consumer("reader")
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        messages: list[Message] = []
        wait_until(lambda: len(_poll(consumer, messages)) >= count, f"{count} messages in {topic}")
        consumer.close()
        return messages

    def count_committed(self, topic: str, group: str) -> int:
        """Return the number of messages of the topic that the group has committed."""
        consumer = self._consumer(group)
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        offsets = consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=10)
        consumer.close()
        return sum(max(0, offset.offset) for offset in offsets)

    def _consumer(self, group: str) -> Consumer:
        return Consumer({"bootstrap.servers": self.address, "group.id": group, "enable.auto.commit": False})


def _poll(consumer: Consumer, messages: list[Message]) -> list[Message]:
    message = consumer.poll(0.1)
    if message is not None and message.error() is None:
        messages.append(message)
    return messages


def headers_of(message: Message) -> dict[str, bytes]:
    """Return the headers of a message by name."""
    headers: Any = message.headers() or []
    return dict(headers)
