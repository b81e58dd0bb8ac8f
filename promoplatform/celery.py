"""The Celery application of the worker and the scheduler."""

import os
from typing import Any

from celery import Celery
from celery.exceptions import WorkerLostError
from celery.signals import import_modules, setup_logging, task_failure

from core import renames

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promoplatform.settings.base")

app = Celery("promoplatform", task_cls="core.outbox:OutboxTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@import_modules.connect(sender=app)
def register_old_task_names(**kwargs: Any) -> None:
    """Register the task names of the previous release, once the tasks are imported."""
    renames.register_old_task_names(app)


@setup_logging.connect
def disable_celery_logging(**kwargs: Any) -> None:
    """Keep the logging of Django's settings; Celery configures none if this signal has a receiver."""


@task_failure.connect
def mark_failed_on_worker_loss(sender: Any, exception: BaseException, **kwargs: Any) -> None:
    """Mark the task of a lost worker process as failed, from its parent process."""
    if isinstance(exception, WorkerLostError):
        sender.on_worker_lost()
