"""Tasks for real workers, sent by tests whose own tasks run in place."""

import threading
from typing import Any

from promoplatform.celery import app

_lock = threading.Lock()


def send_task(name: str, **options: Any) -> None:
    """Send a task to the broker. Tests run their own tasks in place, which Celery warns of."""
    with _lock:
        app.conf.task_always_eager = False
        try:
            app.send_task(name, ignore_result=True, **options)
        finally:
            app.conf.task_always_eager = True
