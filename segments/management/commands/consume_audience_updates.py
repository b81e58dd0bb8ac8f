"""``manage.py consume_audience_updates``: what the data platform says by Kafka takes effect, until told to stop."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from prometheus_client import start_http_server

from promoplatform.kernel.kafka import Reader
from segments import services

TOPIC = "audience-updates"
GROUP = "promoplatform-audiences"


class Command(BaseCommand):
    help = "Take updates of audiences from Kafka; SIGTERM and Ctrl-C end it between two messages."

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
        self.stderr.write(f"reading {TOPIC} from {settings.KAFKA_BOOTSTRAP_SERVERS}")
        Reader(topic=TOPIC, group=GROUP, take=services.take_update).run(until=stop.is_set)
        self.stderr.write("stopped")
