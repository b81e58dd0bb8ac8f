"""`make run` starts everything, says what is in the way, and leaves nothing behind."""

import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from promoplatform.devserver import supervisor
from promoplatform.devserver.processes import find_orphans
from tests.setup.conftest import processes_in, until, wait_for

Spawn = Callable[..., "subprocess.Popen[str]"]
READY = "Ctrl-C"


def run(spawn: Spawn, port: int) -> "subprocess.Popen[str]":
    return spawn("promoplatform.devserver.supervisor", PORT=str(port))


def fetch(port: int, path: str) -> dict[str, object]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def finish(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate(timeout=90)
    return output


def test_a_taken_port_is_said_before_anything_starts(spawn: Spawn, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        refused = run(spawn, port)
        words = finish(refused)

    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in words
    assert not (home / "embedded.json").exists()


def test_a_second_run_in_the_same_folder_is_refused(
    spawn: Spawn, free_port: int, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("PROMO_HOME", str(home))
    with supervisor.acquire_single_instance_lock(free_port):
        refused = run(spawn, free_port + 1)
        words = finish(refused)

    assert refused.returncode == 1
    assert f"Already running in this directory: process {os.getpid()}, http://127.0.0.1:{free_port}" in words


def test_the_procfile_names_the_parts() -> None:
    parts = supervisor.procfile()

    assert list(parts) == ["web", "worker", "beat", "audiences", "logins"]
    assert set(parts) == set(supervisor.STOP_TIMEOUT_SECONDS)


@pytest.mark.fault
def test_ctrl_c_leaves_nothing_and_the_next_run_keeps_the_data(spawn: Spawn, home: Path, free_port: int) -> None:
    first = run(spawn, free_port)
    wait_for(READY, first)
    assert fetch(free_port, "/readyz")["status"] == "ok"
    os.kill(first.pid, signal.SIGINT)
    assert "stopped" in finish(first)
    assert first.returncode == 0
    assert not processes_in(home)

    second = run(spawn, free_port)
    words = wait_for(READY, second)

    assert "0 new shoppers" in words
    assert "static files" not in words
    os.kill(second.pid, signal.SIGTERM)
    finish(second)
    assert not processes_in(home)


@pytest.mark.fault
def test_a_part_that_dies_is_started_again(spawn: Spawn, home: Path, free_port: int) -> None:
    platform = run(spawn, free_port)
    wait_for(READY, platform)
    for part in ("granian", "celery --quiet --app promoplatform worker", "celery --quiet --app promoplatform beat"):
        [pid] = [pid for pid in leaders(home) if part in command_of(pid)]
        os.kill(pid, signal.SIGKILL)

    words = wait_for("starting it again", platform) + wait_for("starting it again", platform)
    words += wait_for("starting it again", platform)

    assert set(re.findall(r"(\w+) exited unexpectedly", words)) == {"web", "worker", "beat"}
    until(lambda: supervisor.is_ready(free_port), 60)
    platform.terminate()
    finish(platform)
    assert not processes_in(home)


@pytest.mark.fault
def test_a_killed_run_leaves_nothing_and_the_next_one_works(spawn: Spawn, home: Path, free_port: int) -> None:
    killed = run(spawn, free_port)
    wait_for(READY, killed)

    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    again = run(spawn, free_port)
    wait_for(READY, again)
    os.kill(again.pid, signal.SIGKILL)
    again.wait()

    until(lambda: not processes_in(home), 60)


def leaders(home: Path) -> list[int]:
    """Processes of the run that lead a group: the parts themselves, not their children."""
    return [pid for pid in find_orphans(str(home)) if os.getpgid(pid) == pid]


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
