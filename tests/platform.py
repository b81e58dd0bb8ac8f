"""The platform as real processes on the test database: web, worker, scheduler, and a Valkey of its own."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connection

from promoplatform.devserver.servers import valkey_binary
from promoplatform.devserver.supervisor import procfile
from tests.fakes.sendgrid import API_KEY, SendGrid

ROOT = Path(__file__).resolve().parents[1]


def wait_until(condition: Callable[[], Any], description: str, seconds: float = 60, interval: float = 0.05) -> None:
    """Wait until the condition holds, or fail. It is checked each ``interval`` seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {description}"
        time.sleep(interval)


def free_port() -> int:
    """Return a port on loopback that no process listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def database_url() -> str:
    """Return the URL of the test database."""
    database = connection.settings_dict
    login = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
    return f"postgresql://{login}@{quote(database['HOST'], safe='')}:{database['PORT'] or 5432}/{database['NAME']}"


@dataclass(frozen=True)
class Response:
    """HTTP response."""

    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Platform:
    """Processes of one platform, which sends its emails to ``sendgrid`` and uses the settings module ``settings``."""

    def __init__(
        self, data_dir: Path, sendgrid: SendGrid | None = None, settings: str = "promoplatform.settings.base"
    ) -> None:
        self.data_dir, self.port, self.redis_port = data_dir, free_port(), free_port()
        redis = f"redis://127.0.0.1:{self.redis_port}/0"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": settings, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "DATABASE_URL": database_url(), "REDIS_URL": redis, "CELERY_BROKER_URL": redis, "DEBUG": "false",
            "PORT": str(self.port), "WEB_HOST": "127.0.0.1", "WEB_WORKERS": "1", "WORKER_PROCESSES": "1",
            "SENDGRID_API_KEY": API_KEY if sendgrid else "", "SENDGRID_URL": sendgrid.url if sendgrid else "",
            "DEFAULT_FROM_EMAIL": "promoplatform <promotions@example.com>",
        }  # fmt: skip

    def start_redis(self) -> None:
        """Start an empty Valkey that stores nothing on disk."""
        command = [
            str(valkey_binary()),
            "--port",
            str(self.redis_port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.data_dir),
        ]
        self._start("redis", command)
        wait_until(lambda: self._listens(self.redis_port), "Valkey listens")

    def start(self, *names: str, ready: bool = True) -> None:
        """Start processes of the Procfile. After starting web, wait until the platform is ready."""
        for name in names:
            self._start(name, ["/bin/sh", "-c", f"exec {procfile()[name]}"])
        if "web" in names and ready:
            wait_until(lambda: self.get("/readyz").status == 200, f"web is ready\n{self.log('web')}")

    def start_web(self, command: list[str]) -> None:
        """Start web with another command line."""
        self._start("web", command)
        wait_until(lambda: self.get("/healthz").status == 200, f"web answers\n{self.log('web')}")

    def kill(self, *names: str) -> None:
        """Kill processes with all their children (SIGKILL)."""
        for name in names:
            process = self.processes.pop(name)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def stop(self) -> None:
        """Kill all processes."""
        self.kill(*self.processes)

    def log(self, name: str) -> str:
        """Return the end of a process's output."""
        with contextlib.suppress(OSError):
            return (self.data_dir / f"{name}.log").read_text(errors="replace")[-4000:]
        return ""

    def get(self, path: str, credentials: str = "") -> Response:
        """Send a GET request; the status is 0 without a response."""
        return self.call("GET", path, None, credentials)

    def post(self, path: str, body: object = None, credentials: str = "", **headers: str) -> Response:
        """Send a POST request with a JSON body or bytes; the status is 0 without a response."""
        return self.call("POST", path, {} if body is None else body, credentials, **headers)

    def call(self, method: str, path: str, body: object, credentials: str, **headers: str) -> Response:
        request_headers = {"Content-Type": "application/json"} if body is not None else {}
        request_headers |= ({"Authorization": credentials} if credentials else {}) | headers
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, request_headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Response(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Response(error.code, error.headers, error.read())
        except (OSError, http.client.HTTPException):  # rejected, reset, or incomplete
            return Response(0, {}, b"")

    def _start(self, name: str, command: list[str]) -> None:
        with (self.data_dir / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _listens(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def platform(sendgrid: SendGrid | None = None, settings: str = "promoplatform.settings.base") -> Iterator[Platform]:
    """Yield a platform whose Valkey runs, and stop everything afterwards."""
    data_dir = Path(tempfile.mkdtemp(prefix="promo-"))
    running = Platform(data_dir, sendgrid, settings)
    try:
        running.start_redis()
        yield running
    finally:
        running.stop()
        shutil.rmtree(data_dir, ignore_errors=True)
