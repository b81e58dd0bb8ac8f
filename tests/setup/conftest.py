"""Fixtures for real processes, each with a data directory of its own; all of them are stopped afterwards."""

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
def data_dir() -> Iterator[Path]:
    """Empty data directory with a short path."""
    with tempfile.TemporaryDirectory(prefix="promo-test-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


@pytest.fixture
def environment(data_dir: Path) -> dict[str, str]:
    """Environment variables of a process without servers of its own."""
    removed = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE", "PROMO_HOME", OWNER_ENV_VAR}
    variables = {name: value for name, value in os.environ.items() if name not in removed}
    return {**variables, "PROMO_HOME": str(data_dir)}


@pytest.fixture
def embedded(
    environment: dict[str, str], data_dir: Path
) -> Iterator[Callable[..., "subprocess.CompletedProcess[str]"]]:
    """Command line of the embedded servers; servers that still run are stopped afterwards."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "promoplatform.devserver.embedded", *arguments]
        return subprocess.run(
            command, cwd=CHECKOUT_DIR, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    yield run
    run("stop")
    assert not processes_in(data_dir)


@pytest.fixture
def spawn(environment: dict[str, str], data_dir: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Function that starts a command in the background; the command and its children end with the test."""
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
    stop_orphans(str(data_dir), grace=0.0)


@pytest.fixture
def free_port() -> int:
    """Port that no process listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_in(data_dir: Path) -> list[str]:
    """Return the command lines of servers, reapers and supervised processes of this data directory."""
    commands = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environ = (entry / "environ").read_bytes()
        except OSError:
            continue
        is_server = str(data_dir) in command
        is_ours = f"PROMO_HOME={data_dir}\0".encode() in environ and ("promoplatform" in command or "celery" in command)
        if command and (is_server or is_ours):
            commands.append(command)
    return commands


def wait_for(line: str, process: "subprocess.Popen[str]") -> str:
    """Return the output of the process up to the line that contains this text."""
    assert process.stdout
    output = ""
    for text in process.stdout:
        output += text
        if line in text:
            return output
    raise AssertionError(f"{line!r} was never printed:\n{output}")


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return as soon as the condition holds, for conditions that other processes cause."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)
