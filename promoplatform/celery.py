"""The Celery application of worker and beat."""

import os
from typing import Any

from celery import Celery
from celery.exceptions import WorkerLostError
from celery.signals import setup_logging, task_failure

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promoplatform.settings.base")

app = Celery("promoplatform", task_cls="core.outbox:OutboxTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def disable_celery_logging(**kwargs: Any) -> None:
    """Celery leaves the logging alone that Django's settings made."""


@task_failure.connect
def mark_failed_on_worker_loss(sender: Any, exception: BaseException, **kwargs: Any) -> None:
    """A process that died while it ran a task cannot say so itself; its parent does."""
    if isinstance(exception, WorkerLostError):
        sender.on_worker_lost()
