"""Child processes that are watched, named in the output, and never left behind."""

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

OWNER_ENV_VAR = "PROMO_SUPERVISED_BY"  # every process of ours carries this variable; its value is the home folder
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_output = threading.Lock()


class Child:
    """One process in a process group of its own. Its output comes line by line under its name.

    When we die without a word, the kernel tells it to end (Linux).
    """

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], *, cwd: Path, grace: float) -> None:
        self.name, self.command, self.env, self.cwd, self.grace = name, command, dict(env), cwd, grace
        self.process: subprocess.Popen[str] | None = None
        self.started_at = 0.0

    def start(self) -> None:
        """Start it. Only the main thread may, because the kernel watches over the thread that forked."""
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
            preexec_fn=_set_parent_death_signal(os.getpid()),  # noqa: PLW1509  it takes no lock
        )
        self.started_at = time.monotonic()
        assert self.process.stdout  # noqa: S101  asked for above
        threading.Thread(target=_relay, args=(self.name, self.process.stdout), daemon=True).start()

    def exit_code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.process.poll() if self.process else None

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started_at

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """Ask it to end, wait its grace time (less when `hurry` says so), then kill its whole group."""
        if self.process is None:
            return
        deadline = time.monotonic() + self.grace
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        while self.is_running() and time.monotonic() < deadline and not hurry():
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def print_prefixed(name: str, line: str) -> None:
    """Print one line under a name; lines of different processes never mix."""
    with _output, contextlib.suppress(BrokenPipeError, ValueError):
        print(f"{name:<8}| {line}", flush=True)


def find_orphans(mark: str) -> list[int]:
    """Processes, children of children too, that carry our mark (Linux; elsewhere none are found)."""
    wanted = f"{OWNER_ENV_VAR}={mark}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def stop_orphans(mark: str, *, grace: float) -> bool:
    """End what carries the mark: asked first, killed after the grace time. Returns whether there was anything."""
    found = bool(find_orphans(mark))
    for name, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        for pid in find_orphans(mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, name)
        deadline = time.monotonic() + patience
        while find_orphans(mark) and time.monotonic() < deadline:
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
