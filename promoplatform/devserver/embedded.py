"""PostgreSQL and Valkey from wheels, for a checkout that was given no servers.

Everything lives in one private folder (`PROMO_HOME`, by default `.data` beside the code): data, logs, generated
passwords. The servers listen on unix sockets only. They are run by whoever borrows them (`borrowed()`, or `run -- CMD`)
and stop with the last borrower, even one that was killed; `up` keeps them until `stop`.

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
MAX_SOCKET_DIR_LENGTH = 85  # the whole path of a unix socket may have 104 bytes on macOS, 108 on Linux


def data_dir() -> Path:
    """The folder that holds everything; `PROMO_HOME` names another."""
    return Path(os.environ.get("PROMO_HOME") or CHECKOUT_DIR / ".data").resolve()


def exists() -> bool:
    """Whether embedded servers were ever set up in this folder."""
    return _state_file().exists()


def urls() -> dict[str, str]:
    """DATABASE_URL, REDIS_URL and CELERY_BROKER_URL of the embedded servers. Starts nothing."""
    passwords, sockets = _passwords(), _socket_folder()
    valkey = f":{passwords['valkey']}@{quote(str(sockets))}/valkey.sock"
    return {
        "DATABASE_URL": f"postgresql://promo:{passwords['postgres']}@{quote(str(sockets), safe='')}:5432/promo",
        "REDIS_URL": f"unix://{valkey}",
        "CELERY_BROKER_URL": f"redis+socket://{valkey}",
    }


def start() -> None:
    """Start what is not running and keep it until `stop`."""
    with _locked():
        _keep_running_file().touch()
        for server in _servers():
            server.start()


def stop() -> None:
    """Stop both servers, whoever uses them. Returns when neither has a process left."""
    if not exists():
        return
    with _locked():
        _keep_running_file().unlink(missing_ok=True)
        for server in _servers():
            server.stop()


@contextlib.contextmanager
def temporary_servers() -> Iterator[dict[str, str]]:
    """Run the servers that the environment does not name, and yield the variables that name them.

    The broker has none among them: it follows REDIS_URL where CELERY_BROKER_URL does not say otherwise.
    Several borrowers share one pair: the last to leave stops it, unless `up` asked to keep it. A borrower that is
    killed leaves as well, because the kernel gives its lock back and a guard process waits for that.
    """
    names = {server.variable for server in SERVERS if not os.environ.get(server.variable)}
    if not names:
        yield {}
        return
    guard = None
    with _open_private(data_dir() / "borrowers") as borrowers:
        try:
            with _locked():
                fcntl.flock(borrowers, fcntl.LOCK_SH)
                if not any(server.processes() for server in _servers()):
                    _keep_running_file().unlink(missing_ok=True)
                    guard = _spawn_reaper()
                for server in _servers():
                    if server.variable in names:
                        server.start()
            yield {name: url for name, url in urls().items() if name in names}
        finally:
            was_last = _stop_if_unused(borrowers)
    if guard and was_last:
        guard.wait()


def _stop_if_unused(borrowers: IO[str]) -> bool:
    """Whether we were the last who needed them."""
    with _locked():
        last = _has_no_other_users(borrowers)
        if last and not _keep_running_file().exists():
            for server in _servers():
                server.stop()
    return last


def _has_no_other_users(borrowers: IO[str]) -> bool:
    """Whether nobody else borrows. The guard holds the lock for a moment when it wakes, and may pass for a borrower."""
    for _ in range(2):
        try:
            fcntl.flock(borrowers, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(borrowers, fcntl.LOCK_SH)
        else:
            return True
    return False


def _spawn_reaper() -> "subprocess.Popen[bytes]":
    """A process that outlives the borrowers, to stop the servers when the last one is gone."""
    command = [sys.executable, "-m", "promoplatform.devserver.embedded", "guard"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=CHECKOUT_DIR, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)


def _reap() -> None:
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    with _open_private(data_dir() / "borrowers") as borrowers:
        fcntl.flock(borrowers, fcntl.LOCK_EX)  # waits for the last borrower
        fcntl.flock(borrowers, fcntl.LOCK_UN)  # the other lock comes first
        _stop_if_unused(borrowers)


def _servers() -> list[Server]:
    passwords = _passwords()
    return [kind(data_dir(), _socket_folder(), passwords[kind.name]) for kind in SERVERS]


def _socket_folder() -> Path:
    """Inside the home, or a private folder with a short name when that path would be too long for a socket."""
    folder = data_dir() / "run"
    if len(os.fsencode(folder)) <= MAX_SOCKET_DIR_LENGTH:
        return folder
    digest = hashlib.sha256(os.fsencode(data_dir())).hexdigest()
    return Path(f"/tmp/promo-{os.geteuid()}-{digest[:10]}")  # noqa: S108  checked below


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in {os.geteuid(), unprivileged.file_owner()}:
        raise EmbeddedError(f"{folder} belongs to somebody else: set PROMO_HOME to a folder of your own.")
    folder.chmod(unprivileged.folder_mode())


def _state_file() -> Path:
    return data_dir() / "embedded.json"


def _keep_running_file() -> Path:
    return data_dir() / "kept"


def _passwords() -> dict[str, str]:
    """Both passwords, made on first use. Two first uses at the same moment agree: only one link can be made."""
    if not exists():
        _make_private(data_dir())
        draft = data_dir() / f"embedded-{secrets.token_hex(8)}.json"
        write_private(draft, json.dumps({kind.name: secrets.token_urlsafe(24) for kind in SERVERS}))
        with contextlib.suppress(FileExistsError):
            os.link(draft, _state_file())
        draft.unlink()
    stored: dict[str, str] = json.loads(_state_file().read_text())
    return stored


def _open_private(path: Path) -> IO[str]:
    _make_private(path.parent)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """One at a time; the kernel gives the lock back when its holder dies."""
    with _open_private(data_dir() / "lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _make_private(_socket_folder())
        yield


def _status() -> int:
    answering = {server.title: server.is_ready() for server in _servers()} if exists() else {}
    for title, answers in answering.items():
        print(f"{title}: {'up' if answers else 'down'}")
    print(f"folder: {data_dir()}")
    return 0 if answering and all(answering.values()) else 1


def _run(command: list[str]) -> int:
    """Run a command with the servers it lacks; its exit code is ours. Ctrl-C and SIGTERM go to the command."""
    with temporary_servers() as variables:
        child = subprocess.Popen(command, env={**os.environ, **variables})

        def pass_on(number: int, frame: FrameType | None) -> None:
            child.send_signal(number)

        signal.signal(signal.SIGTERM, pass_on)
        signal.signal(signal.SIGINT, lambda *_: None)  # the terminal has told the command as well
        code = child.wait()
    return code if code >= 0 else 128 - code


def main(arguments: list[str]) -> int:
    """The command line. Exit code 0, or what is wrong on the last line."""
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
        case ["guard"]:
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
