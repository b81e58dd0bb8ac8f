"""``manage.py consume_audience_updates``: what the data platform says by Kafka takes effect, until told to stop."""

from core.kafka import BatchHandler, per_message
from core.kafka_command import KafkaConsumerCommand
from segments import services


class Command(KafkaConsumerCommand):
    help = "Take updates of audiences from Kafka; SIGTERM and Ctrl-C end it between two messages."
    topic, group = "audience-updates", "promoplatform-audiences"

    def take(self) -> BatchHandler:
        return per_message(services.handle_audience_update)
