"""Child processes speak under their name, end when asked, and never outlive us."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promoplatform.devserver.processes import OWNER_ENV_VAR, Child, find_orphans, stop_orphans
from tests.setup.conftest import until, wait_for

Spawn = Callable[..., "subprocess.Popen[str]"]
DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"


def child(program: str, mark: str = "nobody", grace: float = 5.0) -> Child:
    return Child(
        "part", [sys.executable, "-c", program], {**os.environ, OWNER_ENV_VAR: mark}, cwd=Path.cwd(), grace=grace
    )


def test_each_line_comes_under_the_name(capfd: pytest.CaptureFixture[str]) -> None:
    speaker = child("import sys; print('first'); print('second', file=sys.stderr)")

    speaker.start()
    until(lambda: not speaker.is_running())

    printed = ""

    def said_both() -> bool:
        nonlocal printed
        printed += capfd.readouterr().out
        return printed.count("\n") == 2

    until(said_both)
    assert sorted(printed.splitlines()) == ["part    | first", "part    | second"]
    assert speaker.exit_code() == 0


def test_one_that_does_not_end_when_asked_is_killed(capfd: pytest.CaptureFixture[str]) -> None:
    stubborn = child(DEAF, grace=0.2)
    stubborn.start()
    until(lambda: "deaf" in capfd.readouterr().out)

    stubborn.stop()

    assert stubborn.exit_code() == -signal.SIGKILL


def test_a_hurry_cuts_the_grace_time(capfd: pytest.CaptureFixture[str]) -> None:
    stubborn = child(DEAF, grace=3600.0)
    stubborn.start()
    until(lambda: "deaf" in capfd.readouterr().out)

    stubborn.stop(must_hurry=lambda: True)

    assert stubborn.exit_code() == -signal.SIGKILL


def test_children_of_children_end_with_their_group(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {DEAF!r}]); import signal; signal.pause()"
    )
    family = child(program, mark=str(home))
    family.start()
    until(lambda: "deaf" in capfd.readouterr().out)
    assert len(find_orphans(str(home))) == 2

    family.stop()

    until(lambda: not find_orphans(str(home)))


def test_survivors_of_a_killed_run_are_found_and_ended(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    left = child(DEAF, mark=str(home))
    left.start()
    until(lambda: "deaf" in capfd.readouterr().out)

    assert stop_orphans(str(home), grace=0.2)

    assert not find_orphans(str(home))
    assert not stop_orphans(str(home), grace=0.2)
    left.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is Linux's")
def test_a_child_ends_when_its_parent_is_killed(spawn: Spawn, home: Path) -> None:
    parent = spawn("tests.setup.parent", **{OWNER_ENV_VAR: str(home)})
    wait_for("waiting", parent)
    assert len(find_orphans(str(home))) == 2

    os.kill(parent.pid, signal.SIGKILL)

    until(lambda: not find_orphans(str(home)))
