"""Base class of the commands that consume a Kafka topic."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from prometheus_client import start_http_server

from core.kafka import POLL_SECONDS, BatchHandler, KafkaConsumer


class KafkaConsumerCommand(BaseCommand):
    """A command that consumes a Kafka topic until it gets SIGTERM or SIGINT.

    It passes up to ``max_batch`` messages that arrive within ``poll`` seconds to the handler together.
    """

    topic: ClassVar[str]
    group: ClassVar[str]
    max_batch: ClassVar[int] = 1
    poll: ClassVar[float] = POLL_SECONDS

    def get_handler(self) -> BatchHandler:
        """Return the handler of the topic's messages."""
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--metrics-port", type=int, metavar="PORT", help=_("Serve Prometheus metrics on this port.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.KAFKA_BOOTSTRAP_SERVERS:
            raise CommandError(_("Set KAFKA_BOOTSTRAP_SERVERS to the addresses of the Kafka brokers."))
        if options["metrics_port"]:
            start_http_server(options["metrics_port"])
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_args: stop.set())
        self.stderr.write(
            _("Consuming %(topic)s from %(servers)s.")
            % {"topic": self.topic, "servers": settings.KAFKA_BOOTSTRAP_SERVERS}
        )
        consumer = KafkaConsumer(
            topic=self.topic, group=self.group, handler=self.get_handler(), max_batch=self.max_batch, poll=self.poll
        )
        consumer.run(until=stop.is_set)
        self.stderr.write(_("Stopped."))
