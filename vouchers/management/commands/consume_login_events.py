"""``manage.py consume_login_events``: first logins that the identity provider tells of by Kafka, until told to stop."""

from django.utils import timezone

from promoplatform.kernel.kafka import TakeMany
from promoplatform.kernel.reading import ReadingCommand
from vouchers import services


class Command(ReadingCommand):
    help = (
        "Take login events from Kafka, a fifth of a second's together; SIGTERM and Ctrl-C end it between two takings."
    )
    topic, group = "login-events", "promoplatform-logins"
    most, poll = 5_000, 0.2

    def take(self) -> TakeMany:
        return lambda values: services.take_messages(values, now=timezone.now())
