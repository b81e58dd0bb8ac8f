"""A web server that crashes and is restarted, and a table with the results of all faults."""

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
def keep_web_running(system: Platform, command: list[str]) -> Iterator[None]:
    """Run web with this command. When all of web has exited, start it again, as a supervisor does."""
    stop = threading.Event()

    def restart_web() -> None:
        while not stop.wait(0.1):
            if system.processes["web"].poll() is not None:
                system.kill("web")
                system.start_web(command)

    system.start_web(command)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(restart_web)
        try:
            yield
        finally:
            stop.set()
            future.result(60)


@pytest.fixture
def crashing_web() -> Iterator[Platform]:
    """Web whose processes crash at random in the worst moments. Granian restarts them; the fixture restarts Granian."""
    options = (
        "--workers 3 --blocking-threads 4 --respawn-failed-workers --respawn-interval 0.1 --workers-kill-timeout 5"
    )
    with platform(settings="tests.faults.crashing_worker") as system:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port"]
        command += [str(system.port), *options.split(), "--log-level", "critical", "promoplatform.wsgi:application"]
        with keep_web_running(system, command):
            yield system


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was killed and with which result."""
    if results.SCORES:
        terminalreporter.section("first logins: faults and results")
        for line in results.format_table():
            terminalreporter.line(line)
