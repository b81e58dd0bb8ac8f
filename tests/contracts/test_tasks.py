"""Every enqueued task and every scheduled task exists and accepts its arguments."""

import ast
import inspect
from typing import Any

import pytest
from celery import current_app
from django.conf import settings

from core.renames import TASKS
from tests.contracts.tree import calls, trees

current_app.loader.import_default_modules()
COLLECTIONS = {"redemptions/tasks.py"}  # from which Celery gets the tasks of an app's packages
ENQUEUED = [(f"{path}:{call.lineno}", call) for path, call in calls("enqueue_on_commit")]


@pytest.mark.parametrize(("location", "call"), ENQUEUED, ids=[location for location, _ in ENQUEUED])
def test_enqueued_task_exists_and_accepts_its_arguments(location: str, call: ast.Call) -> None:
    (name,) = call.args
    assert isinstance(name, ast.Constant), "the name of the task must be a constant"
    task = current_app.tasks.get(str(name.value))
    assert task is not None, f"there is no task {name.value!r}"

    arguments = {keyword.arg: None for keyword in call.keywords}
    inspect.signature(task.run).bind(**arguments)  # type: ignore[arg-type]


def test_tasks_are_enqueued() -> None:
    assert len(ENQUEUED) > 20


@pytest.mark.parametrize("title", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_scheduled_task_exists_and_accepts_its_arguments(title: str) -> None:
    entry: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE[title]
    task = current_app.tasks.get(entry["task"])

    assert task is not None, f"there is no task {entry['task']}"
    inspect.signature(task.run).bind(*entry.get("args", ()), **entry.get("kwargs", {}))


def test_every_task_is_enqueued_or_scheduled() -> None:
    ours = {
        name
        for name, task in current_app.tasks.items()
        if name not in TASKS and task.run.__module__.split(".")[0] not in ("celery", "tests")
    }
    enqueued = {ast.literal_eval(call.args[0]) for _, call in ENQUEUED}
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert ours - enqueued - scheduled == set()


@pytest.mark.parametrize(("old_name", "name"), TASKS.items())
def test_renamed_task_is_registered_under_both_names(old_name: str, name: str) -> None:
    assert current_app.tasks[old_name] is current_app.tasks[name]


def test_no_module_imports_tasks() -> None:
    importers = [
        path
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".tasks") and path not in COLLECTIONS
    ]

    assert importers == []
