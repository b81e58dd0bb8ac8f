"""Real processes with a home of their own each, all of them gone afterwards."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promoplatform.devserver.embedded import CHECKOUT_DIR
from promoplatform.devserver.processes import OWNER_ENV_VAR, stop_orphans


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home with a short path."""
    with tempfile.TemporaryDirectory(prefix="promo-test-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """The variables of somebody who was given no servers."""
    unwanted = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE", "PROMO_HOME", OWNER_ENV_VAR}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "PROMO_HOME": str(home)}


@pytest.fixture
def embedded(environment: dict[str, str], home: Path) -> Iterator[Callable[..., "subprocess.CompletedProcess[str]"]]:
    """The command line of the embedded servers; whatever it left running is stopped afterwards."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "promoplatform.devserver.embedded", *arguments]
        return subprocess.run(
            command, cwd=CHECKOUT_DIR, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    yield run
    run("stop")
    assert not processes_in(home)


@pytest.fixture
def spawn(environment: dict[str, str], home: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a command in the background; it and all that it started end with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*command: str, **variables: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=CHECKOUT_DIR,
            env={**environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout
        process.stdout.close()
    stop_orphans(str(home), grace=0.0)


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_in(home: Path) -> list[str]:
    """The command lines of live servers, guards and supervised processes of this home."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environ = (entry / "environ").read_bytes()
        except OSError:
            continue
        is_server = str(home) in command
        is_ours = f"PROMO_HOME={home}\0".encode() in environ and ("promoplatform" in command or "celery" in command)
        if command and (is_server or is_ours):
            found.append(command)
    return found


def wait_for(line: str, process: "subprocess.Popen[str]") -> str:
    """Everything that the process prints, up to the line that contains this text."""
    assert process.stdout
    seen = ""
    for printed in process.stdout:
        seen += printed
        if line in printed:
            return seen
    raise AssertionError(f"{line!r} was never printed:\n{seen}")


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return as soon as it holds; other processes have no other way to tell us."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)
