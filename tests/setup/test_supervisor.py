"""`make run` starts everything, reports what prevents a start, and leaves no process running."""

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
from tests.setup.conftest import processes_in, wait_for, wait_until

Spawn = Callable[..., "subprocess.Popen[str]"]
READY = "Ctrl-C"


def run(spawn: Spawn, port: int) -> "subprocess.Popen[str]":
    return spawn("promoplatform.devserver.supervisor", PORT=str(port))


def fetch(port: int, path: str) -> dict[str, object]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
        body: dict[str, object] = json.load(response)
    return body


def finish(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate(timeout=90)
    return output


def test_port_in_use_is_reported_before_anything_starts(spawn: Spawn, data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        second = run(spawn, port)
        output = finish(second)

    assert second.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in output
    assert not (data_dir / "embedded.json").exists()


def test_second_run_in_a_directory_is_rejected(
    spawn: Spawn, free_port: int, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    monkeypatch.setenv("PROMO_HOME", str(data_dir))
    with supervisor.acquire_single_instance_lock(free_port):
        second = run(spawn, free_port + 1)
        output = finish(second)

    assert second.returncode == 1
    assert f"Already running in this directory: process {os.getpid()}, http://127.0.0.1:{free_port}" in output


def test_procfile_names_the_processes() -> None:
    processes = supervisor.procfile()

    assert list(processes) == ["web", "worker", "beat", "audiences", "logins"]
    assert set(processes) == set(supervisor.STOP_TIMEOUT_SECONDS)


@pytest.mark.fault
def test_ctrl_c_stops_everything_and_the_next_run_keeps_the_data(spawn: Spawn, data_dir: Path, free_port: int) -> None:
    first = run(spawn, free_port)
    wait_for(READY, first)
    assert fetch(free_port, "/readyz")["status"] == "ok"
    os.kill(first.pid, signal.SIGINT)
    assert "stopped" in finish(first)
    assert first.returncode == 0
    assert not processes_in(data_dir)

    second = run(spawn, free_port)
    output = wait_for(READY, second)

    assert "0 new shoppers" in output
    assert "static files" not in output
    os.kill(second.pid, signal.SIGTERM)
    finish(second)
    assert not processes_in(data_dir)


@pytest.mark.fault
def test_crashed_process_is_restarted(spawn: Spawn, data_dir: Path, free_port: int) -> None:
    platform = run(spawn, free_port)
    wait_for(READY, platform)
    for program in ("granian", "celery --quiet --app promoplatform worker", "celery --quiet --app promoplatform beat"):
        [pid] = [pid for pid in group_leaders(data_dir) if program in command_of(pid)]
        os.kill(pid, signal.SIGKILL)

    output = wait_for("restarting in", platform) + wait_for("restarting in", platform)
    output += wait_for("restarting in", platform)

    assert set(re.findall(r"(\w+) exited unexpectedly", output)) == {"web", "worker", "beat"}
    wait_until(lambda: supervisor.is_ready(free_port), 60)
    platform.terminate()
    finish(platform)
    assert not processes_in(data_dir)


@pytest.mark.fault
def test_killed_run_leaves_no_processes_and_the_next_run_works(spawn: Spawn, data_dir: Path, free_port: int) -> None:
    killed = run(spawn, free_port)
    wait_for(READY, killed)

    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    again = run(spawn, free_port)
    wait_for(READY, again)
    os.kill(again.pid, signal.SIGKILL)
    again.wait()

    wait_until(lambda: not processes_in(data_dir), 60)


def group_leaders(data_dir: Path) -> list[int]:
    """Return the processes of the run that lead a process group: the supervised processes without their children."""
    return [pid for pid in find_orphans(str(data_dir)) if os.getpgid(pid) == pid]


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
