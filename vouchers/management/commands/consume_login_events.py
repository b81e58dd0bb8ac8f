"""``manage.py consume_login_events``: process login events from Kafka."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.kafka import BatchHandler
from core.kafka_command import KafkaConsumerCommand
from vouchers import services


class Command(KafkaConsumerCommand):
    help = _(  # type: ignore[assignment]
        "Process login events from Kafka in batches of a fifth of a second. "
        "SIGTERM and Ctrl-C stop the command between two batches."
    )
    topic, group = "login-events", "promoplatform-logins"
    max_batch, poll = 5_000, 0.2

    def get_handler(self) -> BatchHandler:
        return lambda values: services.process_messages(values, now=timezone.now())
