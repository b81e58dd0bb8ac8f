"""Every promised and every scheduled task exists."""

import ast
import inspect
from typing import Any

import pytest
from celery import current_app
from django.conf import settings

from tests.contracts.tree import calls, trees

current_app.loader.import_default_modules()
PROMISED = [(f"{path}:{call.lineno}", call) for path, call in calls("later")]


@pytest.mark.parametrize(("place", "call"), PROMISED, ids=[place for place, _ in PROMISED])
def test_what_is_promised_is_a_task_that_takes_what_it_is_promised_with(place: str, call: ast.Call) -> None:
    (name,) = call.args
    assert isinstance(name, ast.Constant), "a task is promised by its name, written out"
    task = current_app.tasks.get(str(name.value))
    assert task is not None, f"there is no task {name.value!r}"

    given = {keyword.arg: None for keyword in call.keywords}
    inspect.signature(task.run).bind(**given)  # type: ignore[arg-type]


def test_something_is_promised_at_all() -> None:
    assert PROMISED


@pytest.mark.parametrize("title", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_what_beat_starts_is_a_task_without_arguments(title: str) -> None:
    entry: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE[title]
    task = current_app.tasks.get(entry["task"])

    assert task is not None, f"there is no task {entry['task']}"
    inspect.signature(task.run).bind(*entry.get("args", ()), **entry.get("kwargs", {}))


def test_every_task_is_promised_started_by_beat_or_sent_by_the_relay_itself() -> None:
    ours = {
        name for name, task in current_app.tasks.items() if task.run.__module__.split(".")[0] not in ("celery", "tests")
    }
    promised = {ast.literal_eval(call.args[0]) for _, call in PROMISED}
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert ours - promised - scheduled == set()


def test_tasks_stand_in_rooms_called_tasks_and_nobody_imports_them() -> None:
    importers = [
        path
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".tasks")
    ]

    assert importers == []
