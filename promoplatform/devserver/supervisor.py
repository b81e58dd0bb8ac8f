"""`make run`: the whole platform from one terminal.

Starts the servers that the environment does not name, brings database, static files and demo data up to date, then runs
the parts as the Procfile names them. A part that dies is started again. Ctrl-C or SIGTERM stops everything.

    python -m promoplatform.devserver.supervisor                      everything
    python -m promoplatform.devserver.supervisor <part>               this part alone, in place of this process (containers)
"""

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from environs import Env

from promoplatform.devserver import embedded
from promoplatform.devserver.processes import OWNER_ENV_VAR, Child, print_prefixed, stop_orphans
from promoplatform.devserver.servers import EmbeddedError

CHECKOUT = embedded.CHECKOUT_DIR
HOST = "127.0.0.1"
EXTERNAL_ENV_VARS = {"__pycache__", "staticfiles", "tests"}
DEPENDENCIES = dict.fromkeys(
    ("audiences", "logins"), "KAFKA_BOOTSTRAP_SERVERS"
)  # what runs only where this says what it reads
STOP_TIMEOUT_SECONDS = {
    "beat": 5.0,
    "audiences": 10.0,
    "logins": 10.0,
    "web": 15.0,
    "worker": 25.0,
}  # also the order in which they stop
MAX_BACKOFF_SECONDS, HEALTHY_SECONDS, SLOW_SECONDS, PATIENCE = 30.0, 10.0, 60.0, 5
DEMO_ACCOUNTS = "admin, billo-owner, billo-viewer, cake-owner, shopper1 ...   password demo-pass-1234"


class StartupError(Exception):
    """Why the platform does not start; the message is for the person at the terminal."""


class StartupInterrupted(Exception):
    """Somebody asked to stop before everything was up."""


class Supervisor:
    """Runs the parts of one checkout until it is told to stop."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mark = str(embedded.data_dir())
        self.stopping, self.hurry = threading.Event(), threading.Event()
        self.env: dict[str, str] = {}
        self.children: list[Child] = []
        self.failures: dict[str, int] = {}
        self.ready, self.impatient_at = False, time.monotonic() + SLOW_SECONDS

    def run(self) -> None:
        """Start, watch, stop. Raises CannotRun with what stands in the way; returns when it was asked to stop."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:
                signal.signal(name, self._handle_signal)
        with acquire_single_instance_lock(self.port):
            if stop_orphans(self.mark, grace=10.0):
                print_prefixed("run", "ended what a killed run had left")
            check_port(self.port)
            with embedded.temporary_servers() as variables:
                self.env = self._environment(variables)
                try:
                    self._prepare(own_database="DATABASE_URL" not in variables)
                    self._start_parts()
                    self._watch()
                finally:
                    self._stop_parts()

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        if self.stopping.is_set():
            self.hurry.set()
        self.stopping.set()

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        metrics = embedded.data_dir() / "metrics"  # shared by the web processes, so that a scrape sees them all
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(parents=True)
        fixed = {"PORT": str(self.port), "WEB_HOST": HOST, "PYTHONUNBUFFERED": "1", OWNER_ENV_VAR: self.mark}
        fixed["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        return {**os.environ, **variables, **fixed, "PATH": path_with_venv()}

    def _prepare(self, *, own_database: bool) -> None:
        self._step("migrate", "--verbosity", "0", title="database")
        if (fingerprint := static_fingerprint()) != stored_fingerprint():
            self._step("collectstatic", "--noinput", "--clear", "--verbosity", "0", title="static files")
            fingerprint_file().write_text(fingerprint)
        if own_database and not Env().bool("DEBUG", False):
            print_prefixed(
                "run", "no demo data, for DATABASE_URL is yours; `python manage.py demo_data --force` makes it"
            )
        else:
            self._step("demo_data", "--force", title="demo data")

    def _step(self, *command: str, title: str) -> None:
        """One management command, to its end. Raises CannotRun when it fails, Stopped when it is interrupted."""
        if self.stopping.is_set():
            raise StartupInterrupted
        print_prefixed("run", title)
        step = Child("setup", [sys.executable, "manage.py", *command], self.env, cwd=CHECKOUT, grace=5.0)
        step.start()
        try:
            while step.is_running() and not self.stopping.wait(0.05):
                pass
        finally:
            code = step.exit_code()
            step.stop()
        if code is None:
            raise StartupInterrupted
        if code:
            raise StartupError(f"`manage.py {shlex.join(command)}` failed (exit code {code}); its words are above.")

    def _start_parts(self) -> None:
        for name, line in procfile().items():
            if not self.env.get(DEPENDENCIES.get(name, "PATH")):
                continue
            command = ["/bin/sh", "-c", f"exec {line}"]
            self.children.append(
                Child(name, command, self.env, cwd=CHECKOUT, grace=STOP_TIMEOUT_SECONDS.get(name, 10.0))
            )
        for child in self.children:
            print_prefixed("run", f"starting {child.name}")
            child.start()

    def _watch(self) -> None:
        while not self.stopping.wait(0.25):
            for child in self.children:
                if not self.stopping.is_set() and (code := child.exit_code()) is not None:
                    self._restart(child, code)
            if not self.ready and is_ready(self.port):
                self.ready = True
                print(print_welcome(self.port), flush=True)
            if not self.ready and time.monotonic() > self.impatient_at:
                self.impatient_at += SLOW_SECONDS
                print_prefixed(
                    "run", f"still not ready: http://{HOST}:{self.port}/readyz says why, or web's words above"
                )

    def _restart(self, child: Child, code: int) -> None:
        healthy = child.age() > HEALTHY_SECONDS
        failures = self.failures[child.name] = 1 if healthy else self.failures.get(child.name, 0) + 1
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        if failures >= PATIENCE:
            raise StartupError(f"{child.name} ended {failures} times in a row ({how}); its words are above.")
        pause = min(MAX_BACKOFF_SECONDS, 2.0 ** (failures - 1))
        print_prefixed("run", f"{child.name} ended unasked ({how}); starting it again in {pause:.0f} s")
        child.stop()
        if not self.stopping.wait(pause):
            child.start()

    def _stop_parts(self) -> None:
        order = list(STOP_TIMEOUT_SECONDS)
        for child in sorted(self.children, key=lambda child: order.index(child.name) if child.name in order else -1):
            if child.is_running():
                print_prefixed("run", f"stopping {child.name}")
            child.stop(self.hurry.is_set)
        stop_orphans(self.mark, grace=0.0)


@contextlib.contextmanager
def acquire_single_instance_lock(port: int) -> Iterator[None]:
    """Hold the folder for this run. Raises CannotRun when another run has it; a killed run's hold is gone with it."""
    home = embedded.data_dir()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "supervisor").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StartupError(f"It already runs from this folder: {file.read().strip()}.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, http://{HOST}:{port}")
        file.flush()
        yield


def check_port(port: int) -> None:
    """Raises CannotRun when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StartupError(
                f"Port {port} on {HOST} cannot be used ({os.strerror(error.errno or 0).lower()}): "
                f"stop what listens there, or choose another, as in `make run PORT={port + 1}`."
            ) from None


def procfile() -> dict[str, str]:
    """The parts of the platform and their command lines, as the Procfile names them."""
    lines = (CHECKOUT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, command in (line.split(":", 1) for line in lines if line.strip())}


def path_with_venv() -> str:
    """The PATH on which `python` is the one that runs us."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def is_ready(port: int) -> bool:
    """Whether web says that it, the servers and the migrations are ready."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def fingerprint_file() -> Path:
    return CHECKOUT / "staticfiles" / ".made-from"


def stored_fingerprint() -> str:
    """What the collected static files were made from; empty when there are none."""
    with contextlib.suppress(OSError):
        return fingerprint_file().read_text()
    return ""


def static_fingerprint() -> str:
    """Changes when the pinned packages or one of our own static files change."""
    digest = hashlib.sha256((CHECKOUT / "requirements.txt").read_bytes())
    for path in sorted(collect_static_if_changed()):
        digest.update(f"{path.relative_to(CHECKOUT)} {path.stat().st_mtime_ns} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def collect_static_if_changed() -> Iterator[Path]:
    """The files below every ``static`` folder of our own packages, however deep."""
    for folder, inner, names in os.walk(CHECKOUT):
        inner[:] = [name for name in inner if not name.startswith(".") and name not in EXTERNAL_ENV_VARS]
        if "static" in Path(folder).relative_to(CHECKOUT).parts:
            yield from (Path(folder, name) for name in names)


def print_welcome(port: int) -> str:
    """What to open, and as whom."""
    base = f"http://{HOST}:{port}"
    rows = {
        "open": f"{base}/",
        "admin": f"{base}/admin/",
        "API": f"{base}/api/docs/",
        "accounts": DEMO_ACCOUNTS,
        "stop": "Ctrl-C",
    }
    return "\n" + "\n".join(f"  {title:<10}{text}" for title, text in rows.items()) + "\n"


def exec_process(part: str) -> None:
    """Replace this process with one part of the platform."""
    os.chdir(CHECKOUT)
    command = ["/bin/sh", "-c", f"exec {procfile()[part]}"]
    os.execve(command[0], command, {**os.environ, "PATH": path_with_venv()})  # noqa: S606  the shell is the program


def main(arguments: list[str]) -> int:
    """Exit code 0 when it was asked to stop, 1 with a sentence when it cannot run."""
    Env().read_env(str(CHECKOUT / ".env"), recurse=False)
    match arguments:
        case []:
            return run()
        case [part] if part in procfile():
            exec_process(part)
    print(__doc__, file=sys.stderr)
    return 2


def run() -> int:
    """Everything, until it is told to stop."""
    try:
        Supervisor(Env().int("PORT", 8000)).run()
    except StartupInterrupted:
        pass
    except (StartupError, EmbeddedError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
