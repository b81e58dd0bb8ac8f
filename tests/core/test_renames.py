"""Stored names of the previous release keep working: rows are rewritten, and messages are accepted."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from core import renames
from core.checks import check_renamed_settings
from core.models import OutboxMessage
from mailings.models import Mailing
from promoplatform import celery_app
from tests.contracts.tree import ROOT

BEFORE = [("kernel", "0002_rename_fields"), ("mail", "0004_rename_fields")]


@pytest.fixture
def previous_release(transactional_db: None) -> Iterator[None]:
    """A database before the data migrations of the renames."""
    MigrationExecutor(connection).migrate(BEFORE)
    yield
    MigrationExecutor(connection).migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())


def migrate() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_every_old_task_name_runs_the_renamed_task() -> None:
    celery_app.loader.import_default_modules()

    for old_name, name in renames.TASKS.items():
        assert celery_app.tasks[old_name] is celery_app.tasks[name], old_name


def test_rows_of_the_previous_release_get_the_present_names(previous_release: None) -> None:
    for old_name in renames.TASKS:
        OutboxMessage.objects.create(task=old_name, kwargs={"kept": old_name})
    OutboxMessage.objects.create(task="accounts.send_invitation", kwargs={})
    every = IntervalSchedule.objects.create(every=30, period="seconds")
    PeriodicTask.objects.create(name="beat heart", task="kernel.beat_heart", interval=every, enabled=False)
    PeriodicTask.objects.create(name="tell brands of uses", task="discounts.tell_brands", interval=every)
    PeriodicTask.objects.create(name="send usage digests", task="discounts.send_usage_digests", interval=every)
    PeriodicTask.objects.create(name="mine", task="reports.mine", interval=every)
    for number, old_path in enumerate(renames.MAIL_TYPES):
        Mailing.objects.create(key=f"mailing:{number}", mail_type=old_path)

    migrate()

    waiting = {message.kwargs.get("kept"): message.task for message in OutboxMessage.objects.all()}
    assert waiting.pop(None) == "accounts.send_invitation"
    assert waiting == renames.TASKS
    assert set(PeriodicTask.objects.values_list("name", "task", "enabled")) == {
        ("record heartbeat", "core.record_heartbeat", False),
        ("send usage digests", "discounts.send_usage_digests", True),
        ("mine", "reports.mine", True),
    }
    assert set(Mailing.objects.values_list("mail_type", flat=True)) == set(renames.MAIL_TYPES.values())


@pytest.mark.parametrize(("old_path", "path"), renames.MAIL_TYPES.items())
def test_an_old_path_of_a_mail_type_is_resolved(old_path: str, path: str) -> None:
    assert renames.current_mail_type(old_path) == path
    assert import_string(renames.current_mail_type(old_path)) is import_string(path)


def test_every_scheduled_task_exists() -> None:
    celery_app.loader.import_default_modules()

    for name, entry in django_settings.CELERY_BEAT_SCHEDULE.items():
        assert entry["task"] in celery_app.tasks, name
    assert not set(django_settings.CELERY_BEAT_SCHEDULE) & set(renames.SCHEDULES)


@pytest.mark.parametrize(("old_name", "name"), renames.SETTINGS.items())
def test_an_old_setting_name_is_reported_with_the_present_one(settings: Any, old_name: str, name: str) -> None:
    assert check_renamed_settings() == []

    setattr(settings, old_name, None)

    assert [(error.id, name in error.msg) for error in check_renamed_settings()] == [("kernel.E003", True)]


@pytest.mark.parametrize(
    ("old_name", "name", "text", "value"),
    [
        ("BATCH_QUEUE", "BATCH_MAX_QUEUE", "7", 7),
        ("BATCH_DEADLINE", "BATCH_TIMEOUT_SECONDS", "0.5", 0.5),
        ("COUPON_POOL_HOURS", "POOL_BUILD_HOURS", "1-5", "1-5"),
        ("COUPON_REDEMPTIONS_KEEP_MONTHS", "REDEMPTION_RETENTION_MONTHS", "14", 14),
    ],
)
def test_an_old_environment_variable_is_read_with_a_warning(old_name: str, name: str, text: str, value: object) -> None:
    code = f"from django.conf import settings; print(repr(settings.{name}))"
    environment = {key: item for key, item in os.environ.items() if key not in (old_name, name)} | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base",
        old_name: text,
    }

    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == repr(value)
    assert f"{old_name} was renamed to {name}" in run.stderr


@pytest.mark.parametrize(
    ("old_name", "name"),
    [("audit_ledgers", "check_consistency"), ("errorcodes", "generate_error_docs"), ("make_codes", "generate_codes")],
)
def test_an_old_command_name_runs_the_renamed_command(old_name: str, name: str) -> None:
    from django.core.management import get_commands

    apps = get_commands()
    old = importlib.import_module(f"{apps[old_name]}.management.commands.{old_name}").Command
    new = importlib.import_module(f"{apps[name]}.management.commands.{name}").Command
    assert issubclass(old, new)
