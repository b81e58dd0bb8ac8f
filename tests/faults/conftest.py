"""Web that dies and is started again, and the table of what the trials came to."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults import results
from tests.platform import Platform, platform


@contextlib.contextmanager
def kept_up(parts: Platform, command: list[str]) -> Iterator[None]:
    """Web by this command; when all of it has ended, it is started again, as a supervisor does."""
    ended = threading.Event()

    def keep_up() -> None:
        while not ended.wait(0.1):
            if parts.parts["web"].poll() is not None:
                parts.kill("web")
                parts.start_web(command)

    parts.start_web(command)
    with ThreadPoolExecutor(1) as watch:
        watching = watch.submit(keep_up)
        try:
            yield
        finally:
            ended.set()
            watching.result(60)


@pytest.fixture
def dying() -> Iterator[Platform]:
    """Web whose processes die at random in the worst moments; granian, and this when it gives up, starts them again."""
    options = (
        "--workers 3 --blocking-threads 4 --respawn-failed-workers --respawn-interval 0.1 --workers-kill-timeout 5"
    )
    with platform(settings="tests.faults.crashing_worker") as parts:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port"]
        command += [str(parts.port), *options.split(), "--log-level", "critical", "promoplatform.wsgi:application"]
        with kept_up(parts, command):
            yield parts


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was killed, and what was left."""
    if results.SCORES:
        terminalreporter.section("first logins: what was killed, and what was left")
        for line in results.table():
            terminalreporter.line(line)
