"""Stored names of the previous release keep working: messages, settings and commands are accepted."""

import importlib
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from core import renames
from core.checks import check_renamed_settings
from promoplatform import celery_app
from tests.contracts.tree import ROOT


def test_every_old_task_name_runs_the_renamed_task() -> None:
    celery_app.loader.import_default_modules()

    for old_name, name in renames.TASKS.items():
        assert celery_app.tasks[old_name] is celery_app.tasks[name], old_name


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
