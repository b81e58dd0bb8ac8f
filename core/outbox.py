"""``later()``: tasks promised in the transaction of the fact they follow.

Nothing is sent for a rolled-back fact and nothing is lost when the broker is away: the row is the promise, the broker
only carries it. Delivery is at least once, so every task is idempotent. A row is deleted when its task has succeeded.
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
from core.models import OutboxMessage

log = structlog.get_logger(__name__)

BATCH = 200
MAX_ATTEMPTS = 12
MAX_WORKER_LOSSES = 4  # attempts after which a task is set aside that kills its worker
PUBLISH_TIMEOUT = timedelta(seconds=60)  # between taking a row and having sent it
LEASE = timedelta(minutes=15)  # between sending and coming due again; longer than any task may run
HEADER = "outbox_id"


def enqueue_on_commit(task: str, **kwargs: Any) -> None:
    """Promise to run the Celery task named ``task`` with JSON ``kwargs`` once the surrounding transaction has
    committed.
    """
    OutboxMessage.objects.create(task=task, kwargs=kwargs)
    transaction.on_commit(_notifier.notify, robust=True)


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 10 s doubling up to one hour."""
    return timedelta(seconds=min(3600, 10 * 2 ** max(0, attempts - 1)))


def relay(*, limit: int = BATCH) -> int:
    """Send due promises to the broker, oldest first; how many were sent. Safe to run anywhere, any number at once."""
    rows = db.fetch_all("core/sql/claim_due_messages.sql", {"limit": limit, "handover": PUBLISH_TIMEOUT})
    sent = []
    for row in sorted(rows, key=lambda row: row["id"]):
        try:
            _send(current_app, row)
        except OperationalError as error:
            log.warning("broker_away", error=str(error))
            break
        except Exception as error:  # noqa: BLE001  (this one cannot be sent, such as for its arguments; the others go on)
            mark_failed(row["id"], f"{type(error).__name__}: {error}")
        sent.append(row["id"])
    if rows:
        _publish(rows, sent)
    return len(sent)


def _publish(rows: list[db.Row], sent: list[int]) -> None:
    """Sent rows are leased to their tasks, the others come due again; what a quick worker has settled already stays
    as it is.
    """
    untouched = OutboxMessage.objects.filter(due_at=rows[0]["due_at"], dead_lettered_at=None)
    left = [row["id"] for row in rows if row["id"] not in set(sent)]
    untouched.filter(pk__in=sent).update(due_at=Now() + LEASE)
    untouched.filter(pk__in=left).update(due_at=Now() + timedelta(seconds=5), attempts=F("attempts") - 1)


def _send(app: Celery, row: db.Row) -> None:
    if row["task"] not in app.tasks:
        app.loader.import_default_modules()  # no worker here, which would have done so when it started
    task = app.tasks.get(row["task"])
    if task is None:
        dead_letter(row["id"], f"there is no task {row['task']}")
        return
    if row["attempts"] > MAX_ATTEMPTS:
        dead_letter(row["id"], f"sent {MAX_ATTEMPTS} times and never settled")
        return
    task.apply_async(
        kwargs=row["kwargs"], task_id=f"outbox-{row['id']}-{row['attempts']}", headers={HEADER: row["id"]}, retry=False
    )


def mark_succeeded(message_id: int) -> None:
    """The promise is kept: its row goes."""
    OutboxMessage.objects.filter(pk=message_id).delete()


def mark_failed(message_id: int, error: str) -> None:
    """The task failed: it comes due again after a while, or is parked after too many attempts."""
    message = OutboxMessage.objects.filter(pk=message_id).first()
    if message is None:
        return
    if message.attempts >= MAX_ATTEMPTS:
        dead_letter(message_id, error)
        return
    OutboxMessage.objects.filter(pk=message_id).update(
        due_at=Now() + back_off(message.attempts), last_error=error[:2000]
    )


def mark_lost(message_id: int) -> None:
    """The task's process died: it comes due again after a while, or is parked before it kills them all."""
    error = "The worker process died while this ran (killed, or out of memory)."
    if OutboxMessage.objects.filter(pk=message_id, attempts__gte=MAX_WORKER_LOSSES).exists():
        dead_letter(message_id, error)
    else:
        mark_failed(message_id, error)


def dead_letter(message_id: int, error: str) -> None:
    """Set a promise aside that cannot be kept; an operator sees it and may send it again."""
    log.error("outbox_parked", message_id=message_id, error=error)
    OutboxMessage.objects.filter(pk=message_id).update(dead_lettered_at=Now(), last_error=error[:2000])


def requeue(*, message_ids: list[int]) -> int:
    """Send parked promises again, as if new; how many."""
    return OutboxMessage.objects.filter(pk__in=message_ids, dead_lettered_at__isnull=False).update(
        dead_lettered_at=None, attempts=0, due_at=Now()
    )


def backlog() -> dict[str, Any]:
    """``{"waiting", "oldest", "parked"}``: how many promises wait, since when the oldest is overdue, how many are
    parked.
    """
    return OutboxMessage.objects.aggregate(
        waiting=Count("pk", filter=Q(dead_lettered_at=None)),
        oldest=Min("due_at", filter=Q(dead_lettered_at=None)),
        parked=Count("pk", filter=Q(dead_lettered_at__isnull=False)),
    )


class OutboxTask(Task):  # type: ignore[type-arg]
    """The base of every task: settles the promise that it was sent for."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, unless the broker brings back an attempt whose promise is kept, parked, or at a later attempt."""
        if self._is_stale():
            log.warning("outbox_void_delivery", task=self.name, task_id=self.request.id)
            raise Ignore
        return self.run(*args, **kwargs)

    def _is_stale(self) -> bool:
        promise = self._message_id()
        if promise is None or not (self.request.delivery_info or {}).get("redelivered"):
            return False
        attempt = str(self.request.id).rpartition("-")[2]
        return not OutboxMessage.objects.filter(pk=promise, dead_lettered_at=None, attempts=attempt).exists()

    def on_worker_lost(self) -> None:
        """Called in the parent of the process that died. Leaves no connection behind: children are forked from it."""
        log.error("worker_lost", task=self.name, task_id=self.request.id)
        if promise := self._message_id():
            mark_lost(promise)
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]

    def _message_id(self) -> int | None:
        return (self.request.headers or {}).get(HEADER) or getattr(self.request, HEADER, None)

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        if promise := self._message_id():
            mark_succeeded(promise)

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        if promise := self._message_id():
            mark_failed(promise, f"{type(exc).__name__}: {exc}")


class _RelayNotifier:
    """Wakes the relay soon after a commit, from a thread of its own, so that no request ever waits for the broker."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def notify(self) -> None:
        if not settings.OUTBOX_NOTIFY:
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="outbox-nudge", daemon=True)
                self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                current_app.send_task("kernel.relay_outbox", retry=False, expires=30)
            except Exception as error:  # noqa: BLE001  (a nudge may fail for any reason; beat sweeps anyway)
                log.info("nudge_failed", error=str(error))
            threading.Event().wait(0.2)


_notifier = _RelayNotifier()
