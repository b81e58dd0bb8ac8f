"""The stand: a database, a Redis number and web servers of the benchmarks' own, beside whatever the platform keeps."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg

from promoplatform.devserver import embedded

DATABASE = "promo_benchmarks"
REDIS_NUMBER = 9
ROOT = Path(__file__).resolve().parents[1]
WORKERS, THREADS = 2, 4


def prepare() -> None:
    """Makes the database anew and names it, and what else a server must know, in the environment.

    Runs before Django reads its settings.
    """
    given = os.environ if os.environ.get("DATABASE_URL") else os.environ | embedded.urls()
    with psycopg.connect(given["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    redis = given["REDIS_URL"]
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base",
        "DATABASE_URL": database_url(given["DATABASE_URL"], DATABASE),
        "REDIS_URL": f"{redis}{'&' if '?' in redis else '?'}db={REDIS_NUMBER}",
        "CELERY_BROKER_URL": "memory://",
        "DEBUG": "false",
        "WEB_WORKERS": str(WORKERS),
        "WEB_THREADS": str(THREADS),
    }


def database_url(url: str, name: str) -> str:
    """The address of another database of the same server."""
    address, mark, options = url.partition("?")
    return f"{address.rpartition('/')[0]}/{name}{mark}{options}"


@contextlib.contextmanager
def served(application: str, *, threads: int = THREADS, open_at_once: int = 4096, **environment: str) -> Iterator[str]:
    """Granian with 2 workers, as the Procfile has it, on a free port of 127.0.0.1; its address.

    ``open_at_once``: so many connections may be open; a worker leaves those above its half unanswered until others end.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(WORKERS), "--blocking-threads", str(threads), "--backlog", "4096",
        "--backpressure", str(open_at_once // WORKERS), "--log-level", "warning", application,
    ]  # fmt: skip
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for(address, process)
            yield address
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(15)
                os.killpg(process.pid, signal.SIGKILL)


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/healthz", timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing answers at {address}")


def post(url: str, body: bytes, token: str) -> bytes:
    """One request; its answer. Raises RuntimeError for a refusal, so that nothing refused is ever measured unseen."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            found: bytes = answer.read()
            return found
    except urllib.error.HTTPError as error:
        with error:
            raise RuntimeError(error.read().decode()) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
