"""Environment of the benchmarks: a database, a Redis database and web servers of their own."""

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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from promoplatform.devserver import embedded

DATABASE = "promo_benchmarks"
REDIS_NUMBER = 9
ROOT = Path(__file__).resolve().parents[1]
WORKERS, THREADS = 2, 4
WARM_UP_CONNECTIONS = 8 * WORKERS


def prepare() -> None:
    """Recreate the database, and set the environment variables of the servers.

    Runs before Django reads its settings.
    """
    variables = os.environ if os.environ.get("DATABASE_URL") else os.environ | embedded.urls()
    with psycopg.connect(variables["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    redis = variables["REDIS_URL"]
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base",
        "DATABASE_URL": database_url(variables["DATABASE_URL"], DATABASE),
        "REDIS_URL": f"{redis}{'&' if '?' in redis else '?'}db={REDIS_NUMBER}",
        "CELERY_BROKER_URL": "memory://",
        "DEBUG": "false",
        "WEB_WORKERS": str(WORKERS),
        "WEB_THREADS": str(THREADS),
    }


def database_url(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    address, separator, options = url.partition("?")
    return f"{address.rpartition('/')[0]}/{name}{separator}{options}"


@contextlib.contextmanager
def serve(
    application: str, *, threads: int = THREADS, max_connections: int = 4096, **environment: str
) -> Iterator[str]:
    """Run Granian with 2 workers, as in the Procfile, on a free port of 127.0.0.1; yield its URL.

    At most ``max_connections`` may be open. A worker leaves those above its half waiting until others are closed.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(WORKERS), "--blocking-threads", str(threads), "--backlog", "4096",
        "--backpressure", str(max_connections // WORKERS), "--log-level", "warning", application,
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
    """Wait until the server responds and its workers have loaded their URLs. Raises RuntimeError if it does not."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            _get_health(address)
            with ThreadPoolExecutor(WARM_UP_CONNECTIONS) as pool:  # any worker may accept a connection
                list(pool.map(_get_health, [address] * WARM_UP_CONNECTIONS))
            return
        time.sleep(0.1)
    raise RuntimeError(f"no server responds at {address}")


def _get_health(address: str) -> None:
    with urllib.request.urlopen(f"{address}/healthz", timeout=30) as response:
        response.read()


def post(url: str, body: bytes, token: str) -> bytes:
    """Send a POST request and return the response. Raises RuntimeError for an error, so that none is measured."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as response:
            content: bytes = response.read()
            return content
    except urllib.error.HTTPError as error:
        with error:
            raise RuntimeError(error.read().decode()) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
