"""An embedded server with its process, files and log."""

import contextlib
import os
import signal
import socket
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

START_SECONDS, STOP_SECONDS, HEALTH_TIMEOUT_SECONDS = 120.0, 30.0, 5.0


class EmbeddedError(Exception):
    """Raised when an embedded server fails; the message is shown in the terminal."""


class Server(ABC):
    """Embedded server with its binary, data directory and socket."""

    name: str
    title: str
    variable: str
    binaries: tuple[str, ...]

    def __init__(self, home: Path, sockets: Path, password: str) -> None:
        self.home, self.sockets, self.password = home, sockets, password
        self.log = home / f"{self.title.lower()}.log"

    @property
    @abstractmethod
    def data(self) -> Path: ...

    @property
    @abstractmethod
    def socket(self) -> Path: ...

    @property
    @abstractmethod
    def pid_file(self) -> Path: ...

    @abstractmethod
    def is_ready(self) -> bool:
        """Tell whether a query is answered by the server of this data directory."""

    @abstractmethod
    def launch(self) -> None:
        """Start the binary; no process uses the data directory."""

    def start(self) -> None:
        """Start the server and return when it answers. Raises EmbeddedError if it doesn't."""
        if self.is_ready():
            return
        started = silent_since = time.monotonic()
        while not self.is_ready():
            now = time.monotonic()
            if now - started > START_SECONDS:
                raise EmbeddedError(f"{self.title} did not start within {START_SECONDS:.0f} s.\n{self.log_tail()}")
            if not self.processes():
                self.launch()
            elif self._listens():
                silent_since = now
            elif now - silent_since > HEALTH_TIMEOUT_SECONDS:  # its socket is gone, or a killed server left orphans
                self._signal(self.processes(), signal.SIGKILL)
            time.sleep(0.05)
        log_message(f"{self.title} up ({time.monotonic() - started:.1f} s)")

    def stop(self) -> None:
        """Stop the server: send SIGINT, kill it after a grace period, and return when no process is left."""
        running = self.processes()
        if not running:
            return
        self._signal([pid for pid in running if pid == self._main_pid()] or running, signal.SIGINT)
        if not self._wait_for_exit(STOP_SECONDS):
            self._signal(self.processes(), signal.SIGKILL)
            if not self._wait_for_exit(STOP_SECONDS):
                raise EmbeddedError(f"{self.title} does not stop: processes {self.processes()}")
        log_message(f"{self.title} stopped")

    def processes(self) -> list[int]:
        """Return the IDs of the running processes of the server, without zombies."""
        if not Path("/proc/self/cwd").exists():
            return [pid for pid in [self._main_pid()] if pid and _is_alive(pid)]
        return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if self._is_ours(entry)]

    def log_tail(self) -> str:
        """Return the end of the server's log."""
        with contextlib.suppress(OSError):
            return self.log.read_text(errors="replace")[-1500:]
        return ""

    def _is_ours(self, entry: Path) -> bool:
        try:
            if (entry / "comm").read_text().strip() not in self.binaries or _is_zombie(entry):
                return False
            return (entry / "cwd").readlink() == self.data
        except PermissionError:  # root without access to the processes of `nobody`
            return int(entry.name) == self._main_pid()
        except OSError:
            return False

    def _main_pid(self) -> int | None:
        try:
            return int(self.pid_file.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _signal(self, pids: list[int], name: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, name)

    def _wait_for_exit(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            return client.connect_ex(str(self.socket)) == 0


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def log_message(message: str) -> None:
    """Print a message to stderr, apart from the output of the command."""
    print(f"[embedded] {message}", file=sys.stderr, flush=True)


def _is_zombie(entry: Path) -> bool:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
