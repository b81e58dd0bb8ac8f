"""The outbox: no message after a rollback, none lost, each settled by the result of its task."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery import Celery, current_app, shared_task
from celery.app.trace import build_tracer
from celery.exceptions import Retry
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from core import outbox
from core.models import OutboxMessage
from core.outbox import enqueue_on_commit

pytestmark = pytest.mark.django_db
RunConcurrently = Callable[..., list[Any]]
calls: list[dict[str, Any]] = []


@shared_task(name="tests.record", bind=True)
def record(self: Any, /, **kwargs: Any) -> None:
    """Record the arguments of the call."""
    calls.append({"id": self.request.id, **kwargs})


@shared_task(name="tests.fail")
def fail() -> None:
    """Raise an error."""
    raise ZeroDivisionError("by the test")


@shared_task(name="tests.retry_later", bind=True)
def retry_later(self: Any, /) -> None:
    """Ask to be retried later."""
    raise Retry


@pytest.fixture(autouse=True)
def recorded_calls() -> Iterator[list[dict[str, Any]]]:
    """The recorded calls of the test."""
    calls.clear()
    yield calls
    calls.clear()


@pytest.fixture
def lost_tasks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The messages that a broker has accepted and lost."""
    accepted: list[Any] = []
    monkeypatch.setattr(outbox, "_send", lambda _, row: accepted.append(row))
    return accepted


@pytest.fixture
def unavailable_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker at an address that does not respond."""
    app = Celery("unavailable", broker="redis://127.0.0.1:1/0", task_cls=outbox.OutboxTask, set_as_current=False)
    monkeypatch.setattr(outbox, "current_app", app)


def seconds_until_due(message: OutboxMessage) -> float:
    """Return the seconds until the message is due."""
    message.refresh_from_db()
    return (message.due_at - timezone.now()).total_seconds()


def make_due() -> None:
    """Make all messages due."""
    OutboxMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_message_is_stored_with_the_change() -> None:
    enqueue_on_commit("tests.record", code="TEN", amounts=[1, 2])

    message = OutboxMessage.objects.get()
    assert (message.task, message.kwargs, message.attempts) == ("tests.record", {"code": "TEN", "amounts": [1, 2]}, 0)
    assert calls == []


def test_a_rollback_leaves_no_message() -> None:
    def fail_after_enqueueing() -> None:
        with transaction.atomic():
            enqueue_on_commit("tests.record")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_enqueueing()

    assert not OutboxMessage.objects.exists()
    assert outbox.relay() == 0


def test_the_relay_sends_a_message_and_its_success_deletes_the_row() -> None:
    enqueue_on_commit("tests.record", code="TEN")
    pk = OutboxMessage.objects.get().pk

    assert outbox.relay() == 1

    assert calls == [{"id": f"outbox-{pk}-1", "code": "TEN"}]
    assert not OutboxMessage.objects.exists()


def test_the_oldest_messages_are_sent_first_up_to_the_limit() -> None:
    for number in range(5):
        enqueue_on_commit("tests.record", number=number)

    assert outbox.relay(limit=3) == 3
    assert [call["number"] for call in calls] == [0, 1, 2]
    assert outbox.relay(limit=3) == 2


def test_messages_that_are_not_due_stay() -> None:
    enqueue_on_commit("tests.record")
    OutboxMessage.objects.update(due_at=timezone.now() + timedelta(seconds=30))

    assert outbox.relay() == 0
    assert calls == []


def test_a_sent_message_is_leased_and_due_again_if_its_task_is_lost(lost_tasks: list[Any]) -> None:
    enqueue_on_commit("tests.record")
    message = OutboxMessage.objects.get()

    assert outbox.relay() == 1
    assert outbox.relay() == 0
    assert seconds_until_due(message) == pytest.approx(outbox.LEASE.total_seconds(), abs=5)

    make_due()
    assert outbox.relay() == 1
    assert [row["attempts"] for row in lost_tasks] == [1, 2]


def test_a_lease_outlasts_the_longest_task() -> None:
    max_duration = timedelta(seconds=current_app.conf.task_time_limit)

    assert max_duration < outbox.LEASE


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 10), (2, 20), (3, 40), (9, 2560), (10, 3600), (12, 3600), (30_000, 3600)]
)
def test_retry_delays_double_up_to_an_hour(attempts: int, seconds: int) -> None:
    assert outbox.retry_delay(attempts) == timedelta(seconds=seconds)


def test_a_failed_task_is_due_again_after_a_delay_with_its_error() -> None:
    enqueue_on_commit("tests.fail")
    message = OutboxMessage.objects.get()

    outbox.relay()

    assert seconds_until_due(message) == pytest.approx(10, abs=5)
    assert (message.attempts, message.last_error) == (1, "ZeroDivisionError: by the test")
    assert message.dead_lettered_at is None


def test_a_task_that_failed_too_often_is_dead_lettered_and_can_be_requeued() -> None:
    enqueue_on_commit("tests.fail")
    message = OutboxMessage.objects.get()
    for _ in range(outbox.MAX_ATTEMPTS):
        make_due()
        assert outbox.relay() == 1

    message.refresh_from_db()
    assert (message.attempts, message.last_error) == (outbox.MAX_ATTEMPTS, "ZeroDivisionError: by the test")
    assert message.dead_lettered_at is not None
    assert outbox.get_backlog()["dead_lettered"] == 1
    make_due()
    assert outbox.relay() == 0

    assert outbox.requeue(message_ids=[message.pk]) == 1
    message.refresh_from_db()
    assert OutboxMessage.objects.filter(pk=message.pk, dead_lettered_at=None, attempts=0).exists()
    assert outbox.relay() == 1
    assert outbox.requeue(message_ids=[message.pk]) == 0


def test_a_task_that_is_lost_too_often_is_dead_lettered() -> None:
    enqueue_on_commit("tests.record")
    OutboxMessage.objects.update(attempts=outbox.MAX_ATTEMPTS)

    outbox.relay()

    message = OutboxMessage.objects.get()
    assert message.dead_lettered_at is not None
    assert "without a result" in message.last_error
    assert calls == []


def test_the_relay_knows_the_tasks_of_all_apps_outside_a_worker() -> None:
    script = (
        "import django; django.setup()\n"
        "from promoplatform.celery import app\n"
        "from core import outbox\n"
        "sent = []\n"
        "import celery.app.task; celery.app.task.Task.apply_async = lambda self, **options: sent.append(self.name)\n"
        "outbox._send(app, {'id': 1, 'task': 'checkout.release_expired', 'attempts': 1, 'kwargs': {}})\n"
        "print(sent)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "['checkout.release_expired']"


def test_an_unknown_task_is_dead_lettered_and_the_others_are_sent() -> None:
    enqueue_on_commit("tests.unknown")
    enqueue_on_commit("tests.record")

    outbox.relay()

    message = OutboxMessage.objects.get()
    assert (message.task, message.last_error) == ("tests.unknown", "Unknown task tests.unknown.")
    assert message.dead_lettered_at is not None
    assert len(calls) == 1


def test_a_message_that_cannot_be_sent_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue_on_commit("tests.fail", unexpected=1)
    monkeypatch.setattr(outbox, "current_app", Celery("memory", broker="memory://", set_as_current=False))
    enqueue_on_commit("tests.record")
    invalid, _ = OutboxMessage.objects.order_by("pk")

    assert outbox.relay() == 2

    invalid.refresh_from_db()
    assert "unexpected keyword argument" in invalid.last_error
    assert seconds_until_due(invalid) == pytest.approx(10, abs=5)
    assert invalid.dead_lettered_at is None


def test_a_task_that_retries_itself_keeps_its_message() -> None:
    enqueue_on_commit("tests.retry_later")

    outbox.relay()

    assert OutboxMessage.objects.get().dead_lettered_at is None


def test_messages_stay_due_while_the_broker_is_unavailable(unavailable_broker: None) -> None:
    for _ in range(3):
        enqueue_on_commit("tests.record")

    assert outbox.relay() == 0

    messages = list(OutboxMessage.objects.all())
    assert [message.attempts for message in messages] == [0, 0, 0]
    assert all(seconds_until_due(message) <= 5 for message in messages)
    assert outbox.get_backlog()["dead_lettered"] == 0


def test_a_message_that_a_fast_worker_has_settled_stays_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue_on_commit("tests.record")
    message = OutboxMessage.objects.get()
    monkeypatch.setattr(outbox, "_send", lambda _, row: outbox.mark_failed(row["id"], "failed at once"))

    outbox.relay()

    assert seconds_until_due(message) == pytest.approx(10, abs=5)


def test_the_result_of_a_deleted_message_has_no_effect() -> None:
    outbox.mark_failed(4711, "too late")
    outbox.mark_succeeded(4711)

    assert not OutboxMessage.objects.exists()


def test_tasks_without_a_message_run_normally() -> None:
    enqueue_on_commit("tests.record")

    record.apply(kwargs={"code": "TEN"})
    fail.apply()

    assert len(calls) == 1
    assert OutboxMessage.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "runs"),
    [({}, 1), ({"attempts": 2}, 0), ({"dead_lettered_at": timezone.now()}, 0)],
    ids=["its attempt", "a later attempt", "dead-lettered"],
)
def test_a_redelivered_task_runs_only_if_its_attempt_is_current(change: dict[str, Any], runs: int) -> None:
    enqueue_on_commit("tests.record")
    message = OutboxMessage.objects.get()
    OutboxMessage.objects.update(**({"attempts": 1} | change))
    headers = {outbox.HEADER: message.pk}

    run = build_tracer("tests.record", record, app=current_app, eager=True)
    task_id = f"outbox-{message.pk}-1"
    run(task_id, [], {}, {"id": task_id, "headers": headers, "delivery_info": {"redelivered": True}})

    assert len(calls) == runs
    assert OutboxMessage.objects.count() == 1 - runs


def test_the_backlog_counts_messages_and_has_the_oldest_due_time(at: datetime) -> None:
    assert outbox.get_backlog() == {"pending": 0, "oldest": None, "dead_lettered": 0}
    enqueue_on_commit("tests.record")
    enqueue_on_commit("tests.record")
    OutboxMessage.objects.update(due_at=at)

    assert outbox.get_backlog() == {"pending": 2, "oldest": at, "dead_lettered": 0}


@pytest.mark.django_db(transaction=True)
def test_concurrent_relays_never_claim_the_same_row(run_concurrently: RunConcurrently, lost_tasks: list[Any]) -> None:
    with transaction.atomic():
        for number in range(400):
            enqueue_on_commit("tests.record", number=number)

    sent = run_concurrently(lambda _: outbox.relay(limit=50), range(12))

    assert all(isinstance(count, int) for count in sent), sent
    while outbox.relay(limit=50):
        pass
    assert sorted(row["kwargs"]["number"] for row in lost_tasks) == list(range(400))


@pytest.mark.django_db(transaction=True)
def test_without_row_locks_relays_send_the_same_row_twice(
    run_concurrently: RunConcurrently, lost_tasks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claim rows with a query and an update instead of one statement, which removes the guard of the test above."""

    def select_then_update(path: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        due = OutboxMessage.objects.filter(due_at__lte=timezone.now())[: params["limit"]]
        rows: list[Any] = list(due.values("id", "task", "kwargs", "attempts", "due_at"))
        OutboxMessage.objects.filter(pk__in=[row["id"] for row in rows]).update(
            due_at=timezone.now() + outbox.PUBLISH_TIMEOUT
        )
        return rows

    monkeypatch.setattr("core.db.fetch_all", select_then_update)
    with transaction.atomic():
        for number in range(400):
            enqueue_on_commit("tests.record", number=number)

    def sends_twice() -> bool:
        make_due()
        lost_tasks.clear()
        run_concurrently(lambda _: outbox.relay(limit=50), range(12))
        numbers = [row["kwargs"]["number"] for row in lost_tasks]
        return len(numbers) > len(set(numbers))

    assert any(sends_twice() for _ in range(10))


@pytest.mark.django_db(transaction=True)
def test_a_message_is_invisible_before_its_commit(run_concurrently: RunConcurrently) -> None:
    with transaction.atomic():
        enqueue_on_commit("tests.record")
        assert run_concurrently(lambda _: outbox.relay(), [1]) == [0]
    connection.close()

    assert outbox.relay() == 1
