"""`make run`: the whole platform from one terminal.

Starts the servers that the environment does not name, updates the database, static files and demo data, then runs the
processes of the Procfile. A process that exits is restarted. Ctrl-C or SIGTERM stops everything.

    python -m promoplatform.devserver.supervisor              everything
    python -m promoplatform.devserver.supervisor <process>    one process, in place of this one (containers)
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
EXCLUDED_DIRS = {"__pycache__", "staticfiles", "tests"}
DEPENDENCIES = dict.fromkeys(("audiences", "logins"), "KAFKA_BOOTSTRAP_SERVERS")  # processes that need a variable
STOP_TIMEOUT_SECONDS = {
    "beat": 5.0,
    "audiences": 10.0,
    "logins": 10.0,
    "web": 15.0,
    "worker": 25.0,
}  # in the order in which they stop
MAX_BACKOFF_SECONDS, HEALTHY_SECONDS, SLOW_SECONDS, MAX_FAILURES = 30.0, 10.0, 60.0, 5
DEMO_ACCOUNTS = "admin, billo-owner, billo-viewer, cake-owner, shopper1 ...   password demo-pass-1234"


class StartupError(Exception):
    """Raised when the platform cannot start; the message is shown in the terminal."""


class StartupInterrupted(Exception):
    """Raised when a signal arrives during the startup."""


class Supervisor:
    """Supervisor of the processes of one checkout."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.owner = str(embedded.data_dir())
        self.stopping, self.must_hurry = threading.Event(), threading.Event()
        self.env: dict[str, str] = {}
        self.children: list[Child] = []
        self.failures: dict[str, int] = {}
        self.ready, self.next_notice_at = False, time.monotonic() + SLOW_SECONDS

    def run(self) -> None:
        """Start, watch and stop the processes; return after a signal. Raises StartupError."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:
                signal.signal(name, self._handle_signal)
        with acquire_single_instance_lock(self.port):
            if stop_orphans(self.owner, grace=10.0):
                print_prefixed("run", "stopped orphaned processes")
            check_port(self.port)
            with embedded.temporary_servers() as variables:
                self.env = self._environment(variables)
                try:
                    self._prepare(own_database="DATABASE_URL" not in variables)
                    self._start_processes()
                    self._watch()
                finally:
                    self._stop_processes()

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        if self.stopping.is_set():
            self.must_hurry.set()
        self.stopping.set()

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        metrics = embedded.data_dir() / "metrics"  # shared, so that one scrape reads all web processes
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(parents=True)
        fixed = {"PORT": str(self.port), "WEB_HOST": HOST, "PYTHONUNBUFFERED": "1", OWNER_ENV_VAR: self.owner}
        fixed["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        secret = {"SECRET_KEY": embedded.create_secret_key()}  # unless the environment has one
        return {**secret, **os.environ, **variables, **fixed, "PATH": path_with_venv()}

    def _prepare(self, *, own_database: bool) -> None:
        self._step("migrate", "--verbosity", "0", title="database")
        if (fingerprint := static_fingerprint()) != stored_fingerprint():
            self._step("collectstatic", "--noinput", "--clear", "--verbosity", "0", title="static files")
            fingerprint_file().write_text(fingerprint)
        if own_database and not Env().bool("DEBUG", False):
            print_prefixed("run", "no demo data in your own database; `python manage.py demo_data --force` creates it")
        else:
            self._step("demo_data", "--force", title="demo data")

    def _step(self, *command: str, title: str) -> None:
        """Run a management command. Raises StartupError if it fails, StartupInterrupted after a signal."""
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
            raise StartupError(f"`manage.py {shlex.join(command)}` failed (exit code {code}); see its output above.")

    def _start_processes(self) -> None:
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
                print(welcome_text(self.port), flush=True)
            if not self.ready and time.monotonic() > self.next_notice_at:
                self.next_notice_at += SLOW_SECONDS
                print_prefixed(
                    "run", f"still not ready: see http://{HOST}:{self.port}/readyz, or the output of web above"
                )

    def _restart(self, child: Child, code: int) -> None:
        healthy = child.age() > HEALTHY_SECONDS
        failures = self.failures[child.name] = 1 if healthy else self.failures.get(child.name, 0) + 1
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        if failures >= MAX_FAILURES:
            raise StartupError(f"{child.name} exited {failures} times in a row ({how}); see its output above.")
        pause = min(MAX_BACKOFF_SECONDS, 2.0 ** (failures - 1))
        print_prefixed("run", f"{child.name} exited unexpectedly ({how}); restarting in {pause:.0f} s")
        child.stop()
        if not self.stopping.wait(pause):
            child.start()

    def _stop_processes(self) -> None:
        order = list(STOP_TIMEOUT_SECONDS)
        for child in sorted(self.children, key=lambda child: order.index(child.name) if child.name in order else -1):
            if child.is_running():
                print_prefixed("run", f"stopping {child.name}")
            child.stop(self.must_hurry.is_set)
        stop_orphans(self.owner, grace=0.0)


@contextlib.contextmanager
def acquire_single_instance_lock(port: int) -> Iterator[None]:
    """Lock the data directory for this run. Raises StartupError if another run has the lock."""
    home = embedded.data_dir()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "supervisor").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StartupError(f"Already running in this directory: {file.read().strip()}.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, http://{HOST}:{port}")
        file.flush()
        yield


def check_port(port: int) -> None:
    """Check that the port is free. Raises StartupError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StartupError(
                f"Port {port} on {HOST} is in use ({os.strerror(error.errno or 0).lower()}). "
                f"Stop the other program or run `make run PORT={port + 1}`."
            ) from None


def procfile() -> dict[str, str]:
    """Return the command lines of the Procfile by process name."""
    lines = (CHECKOUT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, command in (line.split(":", 1) for line in lines if line.strip())}


def path_with_venv() -> str:
    """Return a PATH on which `python` is the current interpreter."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def is_ready(port: int) -> bool:
    """Tell whether the web server, the servers behind it and the migrations are ready."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def fingerprint_file() -> Path:
    return CHECKOUT / "staticfiles" / ".fingerprint"


def stored_fingerprint() -> str:
    """Return the fingerprint of the collected static files; empty if there are none."""
    with contextlib.suppress(OSError):
        return fingerprint_file().read_text()
    return ""


def static_fingerprint() -> str:
    """Return a digest that changes with the pinned packages and with the project's static files."""
    digest = hashlib.sha256((CHECKOUT / "requirements.txt").read_bytes())
    for path in sorted(list_static_files()):
        digest.update(f"{path.relative_to(CHECKOUT)} {path.stat().st_mtime_ns} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def list_static_files() -> Iterator[Path]:
    """Yield the files of every ``static`` directory of the project."""
    for folder, inner, names in os.walk(CHECKOUT):
        inner[:] = [name for name in inner if not name.startswith(".") and name not in EXCLUDED_DIRS]
        if "static" in Path(folder).relative_to(CHECKOUT).parts:
            yield from (Path(folder, name) for name in names)


def welcome_text(port: int) -> str:
    """Return the addresses and accounts to start with."""
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
    """Replace this process with a process of the Procfile."""
    os.chdir(CHECKOUT)
    command = ["/bin/sh", "-c", f"exec {procfile()[part]}"]
    os.execve(command[0], command, {**os.environ, "PATH": path_with_venv()})  # noqa: S606  (the shell is the program)


def main(arguments: list[str]) -> int:
    """Run the command line. Return 0 after a signal, 1 with a message if the platform cannot start."""
    Env().read_env(str(CHECKOUT / ".env"), recurse=False)
    match arguments:
        case []:
            return run()
        case [part] if part in procfile():
            exec_process(part)
    print(__doc__, file=sys.stderr)
    return 2


def run() -> int:
    """Run everything until a signal arrives; return the exit code."""
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
