"""Several beats may run: one of them alone starts the sweeps, and another takes over when it has gone."""

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
WHO_LEADS = (  # in this database alone: others test on the same server
    "(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS leader"
)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the schedules that any beat started."""
    names: list[str] = []

    def apply_async(self: Any, entry: Any, *args: Any, **kwargs: Any) -> None:
        names.append(entry.name)

    monkeypatch.setattr(DatabaseScheduler, "apply_async", apply_async)
    return names


@pytest.fixture
def make(sent: list[str]) -> Iterator[Callable[[type[DatabaseScheduler]], Any]]:
    """Makes beats with one schedule, due at once and then in an hour."""
    made: list[Any] = []

    def one(kind: type[DatabaseScheduler]) -> Any:
        app = Celery("beats", broker="memory://", set_as_current=False)
        app.conf.beat_schedule = {"sweep": {"task": "core.relay_outbox", "schedule": 3600.0}}
        app.conf.result_expires = None
        made.append(kind(app=app))
        return made[-1]

    yield one
    for scheduler in made:
        scheduler.close()


def make_due() -> None:
    PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(hours=2))


def tick(*beats: Any) -> None:
    for _ in range(3):
        for each in beats:
            each.tick()


def test_of_two_schedulers_one_starts_the_tasks(make: Callable[..., Any], sent: list[str]) -> None:
    first, second = make(SingletonScheduler), make(SingletonScheduler)
    make_due()

    tick(first, second)

    assert sent == ["sweep"]
    assert second.tick() == beat.STANDBY_SECONDS
    assert (first._leads(), second._leads()) == (True, False)


def test_without_the_lock_two_schedulers_start_every_task_twice(make: Callable[..., Any], sent: list[str]) -> None:
    """The proof that the test above can fail: the same without the lock."""
    first, second = make(DatabaseScheduler), make(DatabaseScheduler)
    make_due()

    tick(first, second)

    assert sent == ["sweep", "sweep"]


def test_a_standby_scheduler_takes_over_and_repeats_no_task(make: Callable[..., Any], sent: list[str]) -> None:
    first, second = make(SingletonScheduler), make(SingletonScheduler)
    make_due()
    tick(first, second)
    first.close()  # which writes down what it started

    tick(second)
    assert sent == ["sweep"]  # it is not due yet

    make_due()
    second._initial_read, second._heap = True, None  # as after five minutes
    tick(second)
    assert sent == ["sweep", "sweep"]


def test_a_scheduler_with_a_broken_connection_reacquires_the_lock_first(
    make: Callable[..., Any], sent: list[str]
) -> None:
    first, second = make(SingletonScheduler), make(SingletonScheduler)
    first.tick()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid) FROM {WHO_LEADS}")

    assert (second._leads(), first._leads()) == (True, False)
    first.tick()
    assert (second._leads(), first._leads()) == (True, False)


def test_without_a_database_no_scheduler_is_the_leader(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely = make(SingletonScheduler)
    nowhere = {"host": "127.0.0.1", "port": 1, "connect_timeout": 1}
    monkeypatch.setattr(DatabaseWrapper, "get_connection_params", lambda self: nowhere)

    assert lonely.tick() == beat.STANDBY_SECONDS


def test_the_lock_does_not_keep_dead_rows_from_vacuum(make: Callable[..., Any]) -> None:
    make(SingletonScheduler).tick()

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT state, backend_xmin, backend_xid FROM pg_stat_activity JOIN {WHO_LEADS} USING (pid)")
        assert cursor.fetchall() == [("idle in transaction", None, None)]
