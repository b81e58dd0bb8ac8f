"""A command that reads a topic of Kafka until it is told to stop."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from prometheus_client import start_http_server

from core.kafka import POLL, BatchHandler, KafkaConsumer


class KafkaConsumerCommand(BaseCommand):
    """Gives the topic's messages to ``take``, up to ``most`` together of those that arrive within ``poll`` seconds."""

    topic: ClassVar[str]
    group: ClassVar[str]
    max_batch: ClassVar[int] = 1
    poll: ClassVar[float] = POLL

    def handle_message(self) -> BatchHandler:
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--metrics-port", type=int, metavar="PORT", help="serve Prometheus metrics there")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.KAFKA_BOOTSTRAP_SERVERS:
            raise CommandError("Say in KAFKA_BOOTSTRAP_SERVERS where Kafka is.")
        if options["metrics_port"]:
            start_http_server(options["metrics_port"])
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        self.stderr.write(f"reading {self.topic} from {settings.KAFKA_BOOTSTRAP_SERVERS}")
        reader = KafkaConsumer(
            topic=self.topic, group=self.group, take=self.handle_message(), max_batch=self.max_batch, poll=self.poll
        )
        reader.run(until=stop.is_set)
        self.stderr.write("stopped")
