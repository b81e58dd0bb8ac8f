"""Supervised child processes: output with a prefix, and no orphans."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

OWNER_ENV_VAR = "PROMO_SUPERVISED_BY"  # set in every supervised process; its value is the data directory
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_output = threading.Lock()


class Child:
    """Process in a process group of its own, whose output is printed with its name as a prefix.

    If the parent dies, the kernel sends SIGTERM to the child (Linux only).
    """

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], *, cwd: Path, grace: float) -> None:
        self.name, self.command, self.env, self.cwd, self.grace = name, command, dict(env), cwd, grace
        self.process: subprocess.Popen[str] | None = None
        self.started_at = 0.0

    def start(self) -> None:
        """Start the process from the main thread: the kernel sends the signal when the forking thread ends."""
        self.process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_set_parent_death_signal(os.getpid()),  # noqa: PLW1509  (it takes no lock)
        )
        self.started_at = time.monotonic()
        assert self.process.stdout  # noqa: S101  (a pipe, see above)
        threading.Thread(target=_relay, args=(self.name, self.process.stdout), daemon=True).start()

    def exit_code(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        return self.process.poll() if self.process else None

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def age(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started_at

    def stop(self, must_hurry: Callable[[], bool] = lambda: False) -> None:
        """Send SIGTERM, wait for the grace period (or until `must_hurry()`), then kill the process group."""
        if self.process is None:
            return
        deadline = time.monotonic() + self.grace
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        while self.is_running() and time.monotonic() < deadline and not must_hurry():
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def print_prefixed(name: str, line: str) -> None:
    """Print a line with a name in front; lines of different processes never mix."""
    with _output, contextlib.suppress(BrokenPipeError, ValueError):
        print(f"{name:<8}| {line}", flush=True)


def find_orphans(owner: str) -> list[int]:
    """Return the IDs of processes, descendants too, whose owner variable is `mark` (Linux only, else none)."""
    wanted = f"{OWNER_ENV_VAR}={owner}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def stop_orphans(owner: str, *, grace: float) -> bool:
    """Terminate the processes of `find_orphans`, and kill them after the grace period; tell if there were any."""
    found = bool(find_orphans(owner))
    for name, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        for pid in find_orphans(owner):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, name)
        deadline = time.monotonic() + patience
        while find_orphans(owner) and time.monotonic() < deadline:
            time.sleep(0.05)
    return found


def _relay(name: str, lines: IO[str]) -> None:
    with lines:
        for line in lines:
            print_prefixed(name, line.rstrip())


def _set_parent_death_signal(parent: int) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None

    def tie() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return tie
