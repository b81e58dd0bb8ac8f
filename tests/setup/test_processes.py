"""Child processes print with a prefix, stop on request, and never outlive their parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promoplatform.devserver.processes import OWNER_ENV_VAR, Child, find_orphans, stop_orphans
from tests.setup.conftest import wait_for, wait_until

Spawn = Callable[..., "subprocess.Popen[str]"]
UNRESPONSIVE_PROGRAM = (
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
)


def child(program: str, owner: str = "nobody", grace: float = 5.0) -> Child:
    return Child(
        "part", [sys.executable, "-c", program], {**os.environ, OWNER_ENV_VAR: owner}, cwd=Path.cwd(), grace=grace
    )


def test_each_line_is_printed_with_the_name(capfd: pytest.CaptureFixture[str]) -> None:
    process = child("import sys; print('first'); print('second', file=sys.stderr)")

    process.start()
    wait_until(lambda: not process.is_running())

    printed = ""

    def printed_both() -> bool:
        nonlocal printed
        printed += capfd.readouterr().out
        return printed.count("\n") == 2

    wait_until(printed_both)
    assert sorted(printed.splitlines()) == ["part    | first", "part    | second"]
    assert process.exit_code() == 0


def test_unresponsive_process_is_killed(capfd: pytest.CaptureFixture[str]) -> None:
    process = child(UNRESPONSIVE_PROGRAM, grace=0.2)
    process.start()
    wait_until(lambda: "ready" in capfd.readouterr().out)

    process.stop()

    assert process.exit_code() == -signal.SIGKILL


def test_hurry_ends_the_grace_period(capfd: pytest.CaptureFixture[str]) -> None:
    process = child(UNRESPONSIVE_PROGRAM, grace=3600.0)
    process.start()
    wait_until(lambda: "ready" in capfd.readouterr().out)

    process.stop(must_hurry=lambda: True)

    assert process.exit_code() == -signal.SIGKILL


def test_descendants_are_stopped_with_their_group(data_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = (
        f"import signal, subprocess, sys; subprocess.Popen([sys.executable, '-c', {UNRESPONSIVE_PROGRAM!r}]); "
        "signal.pause()"
    )
    process = child(program, owner=str(data_dir))
    process.start()
    wait_until(lambda: "ready" in capfd.readouterr().out)
    assert len(find_orphans(str(data_dir))) == 2

    process.stop()

    wait_until(lambda: not find_orphans(str(data_dir)))


def test_orphans_are_found_and_stopped(data_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    orphan = child(UNRESPONSIVE_PROGRAM, owner=str(data_dir))
    orphan.start()
    wait_until(lambda: "ready" in capfd.readouterr().out)

    assert stop_orphans(str(data_dir), grace=0.2)

    assert not find_orphans(str(data_dir))
    assert not stop_orphans(str(data_dir), grace=0.2)
    orphan.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is Linux's")
def test_child_is_stopped_when_its_parent_is_killed(spawn: Spawn, data_dir: Path) -> None:
    parent = spawn("tests.setup.parent", **{OWNER_ENV_VAR: str(data_dir)})
    wait_for("waiting", parent)
    assert len(find_orphans(str(data_dir))) == 2

    os.kill(parent.pid, signal.SIGKILL)

    wait_until(lambda: not find_orphans(str(data_dir)))
