"""``manage.py consume_audience_updates``: what the data platform says by Kafka takes effect, until told to stop."""

from promoplatform.kernel.kafka import TakeMany, each
from promoplatform.kernel.reading import ReadingCommand
from segments import services


class Command(ReadingCommand):
    help = "Take updates of audiences from Kafka; SIGTERM and Ctrl-C end it between two messages."
    topic, group = "audience-updates", "promoplatform-audiences"

    def take(self) -> TakeMany:
        return each(services.take_update)
