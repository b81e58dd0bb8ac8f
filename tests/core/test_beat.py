"""Several schedulers may run: only the leader starts tasks, and another takes over when it stops."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from core import beat
from core.beat import SingletonScheduler

pytestmark = pytest.mark.django_db(transaction=True)
LEADER_PID = (  # of this database, since other tests use the same server
    "(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS leader"
)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the schedules that any scheduler has started."""
    names: list[str] = []

    def apply_async(self: Any, entry: Any, *args: Any, **kwargs: Any) -> None:
        names.append(entry.name)

    monkeypatch.setattr(DatabaseScheduler, "apply_async", apply_async)
    return names


@pytest.fixture
def create_scheduler(sent: list[str]) -> Iterator[Callable[[type[DatabaseScheduler]], Any]]:
    """A function that creates a scheduler with one schedule, due at once and then in an hour."""
    schedulers: list[Any] = []

    def create(scheduler_class: type[DatabaseScheduler]) -> Any:
        app = Celery("schedulers", broker="memory://", set_as_current=False)
        app.conf.beat_schedule = {"relay": {"task": "core.relay_outbox", "schedule": 3600.0}}
        app.conf.result_expires = None
        schedulers.append(scheduler_class(app=app))
        return schedulers[-1]

    yield create
    for scheduler in schedulers:
        scheduler.close()


def make_due() -> None:
    PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(hours=2))


def tick(*schedulers: Any) -> None:
    for _ in range(3):
        for scheduler in schedulers:
            scheduler.tick()


def test_of_two_schedulers_one_starts_the_tasks(create_scheduler: Callable[..., Any], sent: list[str]) -> None:
    first, second = create_scheduler(SingletonScheduler), create_scheduler(SingletonScheduler)
    make_due()

    tick(first, second)

    assert sent == ["relay"]
    assert second.tick() == beat.STANDBY_SECONDS
    assert (first._is_leader(), second._is_leader()) == (True, False)


def test_without_the_lock_two_schedulers_start_every_task_twice(
    create_scheduler: Callable[..., Any], sent: list[str]
) -> None:
    """Run schedulers without the lock, which removes the guard of the test above."""
    first, second = create_scheduler(DatabaseScheduler), create_scheduler(DatabaseScheduler)
    make_due()

    tick(first, second)

    assert sent == ["relay", "relay"]


def test_a_standby_scheduler_takes_over_and_repeats_no_task(
    create_scheduler: Callable[..., Any], sent: list[str]
) -> None:
    first, second = create_scheduler(SingletonScheduler), create_scheduler(SingletonScheduler)
    make_due()
    tick(first, second)
    first.close()  # stores the last run of its tasks

    tick(second)
    assert sent == ["relay"]  # it is not due yet

    make_due()
    second._initial_read, second._heap = True, None  # reread the schedule, as after five minutes
    tick(second)
    assert sent == ["relay", "relay"]


def test_a_scheduler_with_a_broken_connection_reacquires_the_lock_first(
    create_scheduler: Callable[..., Any], sent: list[str]
) -> None:
    first, second = create_scheduler(SingletonScheduler), create_scheduler(SingletonScheduler)
    first.tick()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid) FROM {LEADER_PID}")

    assert (second._is_leader(), first._is_leader()) == (True, False)
    first.tick()
    assert (second._is_leader(), first._is_leader()) == (True, False)


def test_without_a_database_no_scheduler_is_the_leader(
    create_scheduler: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely = create_scheduler(SingletonScheduler)
    nowhere = {"host": "127.0.0.1", "port": 1, "connect_timeout": 1}
    monkeypatch.setattr(DatabaseWrapper, "get_connection_params", lambda self: nowhere)

    assert lonely.tick() == beat.STANDBY_SECONDS


def test_the_lock_does_not_keep_dead_rows_from_vacuum(create_scheduler: Callable[..., Any]) -> None:
    create_scheduler(SingletonScheduler).tick()

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT state, backend_xmin, backend_xid FROM pg_stat_activity JOIN {LEADER_PID} USING (pid)")
        assert cursor.fetchall() == [("idle in transaction", None, None)]
