"""``manage.py consume_login_events``: first logins that the identity provider tells of by Kafka, until told to stop."""

from django.utils import timezone

from core.kafka import BatchHandler
from core.kafka_command import KafkaConsumerCommand
from vouchers import services


class Command(KafkaConsumerCommand):
    help = (
        "Take login events from Kafka, a fifth of a second's together; SIGTERM and Ctrl-C end it between two takings."
    )
    topic, group = "login-events", "promoplatform-logins"
    most, poll = 5_000, 0.2

    def take(self) -> BatchHandler:
        return lambda values: services.process_messages(values, now=timezone.now())
