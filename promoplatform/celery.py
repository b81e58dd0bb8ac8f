"""The Celery application of worker and beat."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promoplatform.settings.base")

app = Celery("promoplatform", task_cls="promoplatform.kernel.outbox:HouseTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    """Celery leaves the logging alone that Django's settings made."""
