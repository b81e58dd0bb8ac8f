"""PostgreSQL and Valkey from wheels, for development and tests without servers of their own.

Data, logs and generated passwords are stored in one private directory (`PROMO_HOME`, by default `.data` beside the
code). The servers listen on Unix sockets only. They run while a process uses them (`temporary_servers()`, or
`run -- CMD`) and stop with the last user, even one that was killed; `up` keeps them running until `stop`.

    python -m promoplatform.devserver.embedded up | stop | status | env | run -- CMD
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.parse import quote

from environs import Env

from promoplatform.devserver import unprivileged
from promoplatform.devserver.servers import SERVERS, EmbeddedError, Server, write_private

CHECKOUT_DIR = Path(__file__).resolve().parents[2]
MAX_SOCKET_DIR_LENGTH = 85  # the path of a Unix socket is limited to 104 bytes on macOS, 108 on Linux


def data_dir() -> Path:
    """Return the directory of all data; `PROMO_HOME` selects another."""
    return Path(os.environ.get("PROMO_HOME") or CHECKOUT_DIR / ".data").resolve()


def exists() -> bool:
    """Tell whether embedded servers were ever set up in this directory."""
    return _state_file().exists()


def urls() -> dict[str, str]:
    """Return DATABASE_URL, REDIS_URL and CELERY_BROKER_URL of the embedded servers, without starting them."""
    passwords, sockets = _passwords(), _socket_dir()
    valkey = f":{passwords['valkey']}@{quote(str(sockets))}/valkey.sock"
    return {
        "DATABASE_URL": f"postgresql://promo:{passwords['postgres']}@{quote(str(sockets), safe='')}:5432/promo",
        "REDIS_URL": f"unix://{valkey}",
        "CELERY_BROKER_URL": f"redis+socket://{valkey}",
    }


def find_secret_key() -> str:
    """Return the secret key that was generated in this directory, empty if there is none."""
    with contextlib.suppress(OSError):
        return _secret_key_file().read_text()
    return ""


def create_secret_key() -> str:
    """Return the secret key of this directory, generated on first use and kept in a file for its owner only."""
    _write_once(_secret_key_file(), secrets.token_urlsafe(64))
    return find_secret_key()


def start() -> None:
    """Start the servers that are not running and keep them until `stop`."""
    with _locked():
        _keep_running_file().touch()
        for server in _servers():
            server.start()


def stop() -> None:
    """Stop both servers, even if they are in use. Return when neither has a process left."""
    if not exists():
        return
    with _locked():
        _keep_running_file().unlink(missing_ok=True)
        for server in _servers():
            server.stop()


@contextlib.contextmanager
def temporary_servers() -> Iterator[dict[str, str]]:
    """Run the servers that the environment does not name, and yield their environment variables.

    There is no variable for the broker, which defaults to REDIS_URL. Several processes share one pair of servers; the
    last one stops them, unless `up` keeps them. This includes a killed process: the kernel releases its lock, and a
    reaper process waits for that.
    """
    names = {server.variable for server in SERVERS if not os.environ.get(server.variable)}
    if not names:
        yield {}
        return
    reaper = None
    with _open_private(data_dir() / "borrowers") as users:
        try:
            with _locked():
                fcntl.flock(users, fcntl.LOCK_SH)
                if not any(server.processes() for server in _servers()):
                    _keep_running_file().unlink(missing_ok=True)
                    reaper = _spawn_reaper()
                for server in _servers():
                    if server.variable in names:
                        server.start()
            yield {name: url for name, url in urls().items() if name in names}
        finally:
            was_last = _stop_if_unused(users)
    if reaper and was_last:
        reaper.wait()


def _stop_if_unused(users: IO[str]) -> bool:
    """Stop the servers if no other process uses them; return whether that was so."""
    with _locked():
        last = _has_no_other_users(users)
        if last and not _keep_running_file().exists():
            for server in _servers():
                server.stop()
    return last


def _has_no_other_users(users: IO[str]) -> bool:
    """Tell whether no other process uses the servers. Tries twice, since the reaper briefly holds the lock."""
    for _ in range(2):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(users, fcntl.LOCK_SH)
        else:
            return True
    return False


def _spawn_reaper() -> "subprocess.Popen[bytes]":
    """Start a process that stops the servers when the last user has ended."""
    command = [sys.executable, "-m", "promoplatform.devserver.embedded", "reap"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=CHECKOUT_DIR, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)


def _reap() -> None:
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    with _open_private(data_dir() / "borrowers") as users:
        fcntl.flock(users, fcntl.LOCK_EX)  # waits for the last user
        fcntl.flock(users, fcntl.LOCK_UN)  # `_stop_if_unused` takes the other lock first
        _stop_if_unused(users)


def _servers() -> list[Server]:
    passwords = _passwords()
    return [kind(data_dir(), _socket_dir(), passwords[kind.name]) for kind in SERVERS]


def _socket_dir() -> Path:
    """Return the directory of the sockets: inside the data directory, or one with a short name if that is too long."""
    folder = data_dir() / "run"
    if len(os.fsencode(folder)) <= MAX_SOCKET_DIR_LENGTH:
        return folder
    digest = hashlib.sha256(os.fsencode(data_dir())).hexdigest()
    return Path(f"/tmp/promo-{os.geteuid()}-{digest[:10]}")  # noqa: S108  checked below


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in {os.geteuid(), unprivileged.file_owner()}:
        raise EmbeddedError(f"{folder} belongs to another user. Set PROMO_HOME to a directory of your own.")
    folder.chmod(unprivileged.folder_mode())


def _secret_key_file() -> Path:
    return data_dir() / "secret-key"


def _state_file() -> Path:
    return data_dir() / "embedded.json"


def _keep_running_file() -> Path:
    return data_dir() / "kept"


def _passwords() -> dict[str, str]:
    """Return both passwords, generated on first use. Only one of several concurrent first uses can create the link."""
    if not exists():
        _write_once(_state_file(), json.dumps({kind.name: secrets.token_urlsafe(24) for kind in SERVERS}))
    stored: dict[str, str] = json.loads(_state_file().read_text())
    return stored


def _write_once(path: Path, text: str) -> None:
    """Write a file of the data directory that only its owner can read, unless it exists."""
    _make_private(data_dir())
    draft = data_dir() / f"draft-{secrets.token_hex(8)}"
    write_private(draft, text)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _open_private(path: Path) -> IO[str]:
    _make_private(path.parent)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Hold the lock of the data directory; the kernel releases it when its holder dies."""
    with _open_private(data_dir() / "lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _make_private(_socket_dir())
        yield


def _status() -> int:
    answering = {server.title: server.is_ready() for server in _servers()} if exists() else {}
    for title, answers in answering.items():
        print(f"{title}: {'up' if answers else 'down'}")
    print(f"directory: {data_dir()}")
    return 0 if answering and all(answering.values()) else 1


def _run(command: list[str]) -> int:
    """Run a command with the servers that it needs; return its exit code. Ctrl-C and SIGTERM go to the command."""
    with temporary_servers() as variables:
        child = subprocess.Popen(command, env={"SECRET_KEY": create_secret_key(), **os.environ, **variables})

        def forward_signal(number: int, frame: FrameType | None) -> None:
            child.send_signal(number)

        signal.signal(signal.SIGTERM, forward_signal)
        signal.signal(signal.SIGINT, lambda *_: None)  # the terminal signals the command as well
        code = child.wait()
    return code if code >= 0 else 128 - code


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    Env().read_env(str(CHECKOUT_DIR / ".env"), recurse=False)
    match arguments:
        case ["up"]:
            start()
        case ["stop"]:
            stop()
        case ["status"]:
            return _status()
        case ["env"]:
            print("\n".join(f"export {name}={shlex.quote(url)}" for name, url in urls().items()))
        case ["reap"]:
            _reap()
        case ["run", "--", _, *_]:
            return _run(arguments[2:])
        case _:
            print(__doc__)
            return 2
    return 0


def _main() -> int | str:
    try:
        return main(sys.argv[1:])
    except EmbeddedError as error:
        return f"[embedded] {error}"
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(_main())
