"""Web that dies."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.running import Platform, platform


@pytest.fixture
def dying() -> Iterator[Platform]:
    """Web whose processes die at random in the worst moments; granian, and this when it gives up, starts them again."""
    options = (
        "--workers 3 --blocking-threads 4 --respawn-failed-workers --respawn-interval 0.1 --workers-kill-timeout 5"
    )
    ended = threading.Event()
    with platform(settings="tests.faults.dying") as parts, ThreadPoolExecutor(1) as watch:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port"]
        command += [str(parts.port), *options.split(), "--log-level", "critical", "promoplatform.wsgi:application"]

        def keep_up() -> None:
            while not ended.wait(0.1):
                if parts.parts["web"].poll() is not None:
                    parts.kill("web")
                    parts.start_web(command)

        parts.start_web(command)
        watching = watch.submit(keep_up)
        try:
            yield parts
        finally:
            ended.set()
            watching.result(60)
