"""Transactional outbox: background tasks that are enqueued in the transaction of the change that they follow.

Nothing is sent after a rollback, and nothing is lost while the broker is unavailable, because the row is the record and
the broker only a transport. Tasks run at least once, so every task is idempotent. A row is deleted when its task has
succeeded.
"""

import threading
from datetime import timedelta
from typing import Any

import structlog
from celery import Celery, Task, current_app
from celery.exceptions import Ignore
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Min, Q
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from core import db
from core.backoff import exponential_delay
from core.models import OutboxMessage

log = structlog.get_logger(__name__)

BATCH = 200
MAX_ATTEMPTS = 12
MAX_WORKER_LOSSES = 4  # attempts after which a task that kills its worker is dead-lettered
PUBLISH_TIMEOUT = timedelta(seconds=60)  # between claiming a row and sending it
LEASE = timedelta(minutes=15)  # between sending and coming due again; longer than any task may run
HEADER = "outbox_id"


def enqueue_on_commit(task: str, **kwargs: Any) -> None:
    """Enqueue a Celery task with JSON ``kwargs``, to be sent after the surrounding transaction commits."""
    OutboxMessage.objects.create(task=task, kwargs=kwargs)
    transaction.on_commit(_notifier.notify, robust=True)


def retry_delay(attempts: int) -> timedelta:
    """Return the delay after a number of attempts: 10 s, doubling up to one hour."""
    return exponential_delay(attempts, first=10, maximum=3600)


def relay(*, limit: int = BATCH) -> int:
    """Send due messages to the broker, oldest first, and return their number. Any number may run concurrently."""
    rows = db.fetch_all("core/sql/claim_due_messages.sql", {"limit": limit, "publish_timeout": PUBLISH_TIMEOUT})
    sent = []
    for row in sorted(rows, key=lambda row: row["id"]):
        try:
            _send(current_app, row)
        except OperationalError as error:
            log.warning("broker_away", error=str(error))
            break
        except Exception as error:  # noqa: BLE001  (this message cannot be sent, for example its arguments; continue)
            mark_failed(row["id"], f"{type(error).__name__}: {error}")
        sent.append(row["id"])
    if rows:
        _publish(rows, sent)
    return len(sent)


def _publish(rows: list[db.Row], sent: list[int]) -> None:
    """Lease the sent messages to their tasks and make the others due again.

    A message that a fast worker has already settled stays unchanged.
    """
    unsettled = OutboxMessage.objects.filter(due_at=rows[0]["due_at"], dead_lettered_at=None)
    unsent = [row["id"] for row in rows if row["id"] not in set(sent)]
    unsettled.filter(pk__in=sent).update(due_at=Now() + LEASE)
    unsettled.filter(pk__in=unsent).update(due_at=Now() + timedelta(seconds=5), attempts=F("attempts") - 1)


def _send(app: Celery, row: db.Row) -> None:
    if row["task"] not in app.tasks:
        app.loader.import_default_modules()  # a worker has imported them at its start, a web process has not
    task = app.tasks.get(row["task"])
    if task is None:
        dead_letter(row["id"], f"Unknown task {row['task']}.")
        return
    if row["attempts"] > MAX_ATTEMPTS:
        dead_letter(row["id"], f"Sent {MAX_ATTEMPTS} times without a result.")
        return
    task.apply_async(
        kwargs=row["kwargs"], task_id=f"outbox-{row['id']}-{row['attempts']}", headers={HEADER: row["id"]}, retry=False
    )


def mark_succeeded(message_id: int) -> None:
    """Delete the message of a task that has succeeded."""
    OutboxMessage.objects.filter(pk=message_id).delete()


def mark_failed(message_id: int, error: str) -> None:
    """Make the message of a failed task due again after a delay, or dead-letter it after too many attempts."""
    message = OutboxMessage.objects.filter(pk=message_id).first()
    if message is None:
        return
    if message.attempts >= MAX_ATTEMPTS:
        dead_letter(message_id, error)
        return
    OutboxMessage.objects.filter(pk=message_id).update(
        due_at=Now() + retry_delay(message.attempts), last_error=error[:2000]
    )


def mark_lost(message_id: int) -> None:
    """Make the message of a task whose process died due again, or dead-letter it after too many losses."""
    error = "The worker process died during this task (killed, or out of memory)."
    if OutboxMessage.objects.filter(pk=message_id, attempts__gte=MAX_WORKER_LOSSES).exists():
        dead_letter(message_id, error)
    else:
        mark_failed(message_id, error)


def dead_letter(message_id: int, error: str) -> None:
    """Set a message aside, so that it is not sent until an operator retries it."""
    log.error("outbox_dead_lettered", message_id=message_id, error=error)
    OutboxMessage.objects.filter(pk=message_id).update(dead_lettered_at=Now(), last_error=error[:2000])


def requeue(*, message_ids: list[int]) -> int:
    """Make dead-lettered messages due again, as if new, and return their number."""
    return OutboxMessage.objects.filter(pk__in=message_ids, dead_lettered_at__isnull=False).update(
        dead_lettered_at=None, attempts=0, due_at=Now()
    )


def get_backlog() -> dict[str, Any]:
    """Return ``{"pending", "oldest", "dead_lettered"}``: two counts, and when the oldest pending message became due."""
    return OutboxMessage.objects.aggregate(
        pending=Count("pk", filter=Q(dead_lettered_at=None)),
        oldest=Min("due_at", filter=Q(dead_lettered_at=None)),
        dead_lettered=Count("pk", filter=Q(dead_lettered_at__isnull=False)),
    )


class OutboxTask(Task):  # type: ignore[type-arg]
    """Base class of all tasks; it records the result in the outbox message of the task."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task, unless the broker redelivers an attempt that is already settled or superseded."""
        if self._is_stale():
            log.warning("outbox_stale_delivery", task=self.name, task_id=self.request.id)
            raise Ignore
        return self.run(*args, **kwargs)

    def _is_stale(self) -> bool:
        message_id = self._message_id()
        if message_id is None or not (self.request.delivery_info or {}).get("redelivered"):
            return False
        attempt = str(self.request.id).rpartition("-")[2]
        return not OutboxMessage.objects.filter(pk=message_id, dead_lettered_at=None, attempts=attempt).exists()

    def on_worker_lost(self) -> None:
        """Record the loss of the worker process.

        This runs in its parent process and closes the database connection, since child processes are forked from it.
        """
        log.error("worker_lost", task=self.name, task_id=self.request.id)
        if message_id := self._message_id():
            mark_lost(message_id)
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]

    def _message_id(self) -> int | None:
        return (self.request.headers or {}).get(HEADER) or getattr(self.request, HEADER, None)

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        if message_id := self._message_id():
            mark_succeeded(message_id)

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        if message_id := self._message_id():
            mark_failed(message_id, f"{type(exc).__name__}: {exc}")


class _RelayNotifier:
    """Notification of the relay after a commit, from its own thread, so that no request waits for the broker."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def notify(self) -> None:
        if not settings.OUTBOX_NOTIFY:
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="outbox-notifier", daemon=True)
                self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                current_app.send_task("core.relay_outbox", retry=False, expires=30)
            except Exception as error:  # noqa: BLE001  (the periodic task relays the messages anyway)
                log.info("relay_notification_failed", error=str(error))
            threading.Event().wait(0.2)


_notifier = _RelayNotifier()
