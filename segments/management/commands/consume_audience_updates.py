"""``manage.py consume_audience_updates``: apply the data platform's updates of audiences from Kafka."""

from django.utils.translation import gettext_lazy as _

from core.kafka import BatchHandler, per_message
from core.kafka_command import KafkaConsumerCommand
from segments import services


class Command(KafkaConsumerCommand):
    help = _(  # type: ignore[assignment]
        "Apply updates of audiences from Kafka. SIGTERM and Ctrl-C stop the command between two messages."
    )
    topic, group = "audience-updates", "promoplatform-audiences"

    def get_handler(self) -> BatchHandler:
        return per_message(services.handle_audience_update)
