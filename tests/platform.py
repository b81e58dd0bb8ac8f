"""The platform as real processes on the test's database: web, worker, beat, and a Valkey of its own."""

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


def until(holds: Callable[[], Any], what: str, seconds: float = 60) -> None:
    """Wait until something holds, or fail."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"in {seconds:.0f} s it never came to this: {what}"
        time.sleep(0.05)


def free_port() -> int:
    """A port on loopback where nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def database_url() -> str:
    """The test database's address."""
    at = connection.settings_dict
    login = f"{quote(at['USER'])}:{quote(at['PASSWORD'])}"
    return f"postgresql://{login}@{quote(at['HOST'], safe='')}:{at['PORT'] or 5432}/{at['NAME']}"


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Platform:
    """The parts of one running platform, which sends its mails to ``sendgrid`` and reads the module ``settings``."""

    def __init__(
        self, home: Path, sendgrid: SendGrid | None = None, settings: str = "promoplatform.settings.base"
    ) -> None:
        self.home, self.port, self.redis_port = home, free_port(), free_port()
        redis = f"redis://127.0.0.1:{self.redis_port}/0"
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": settings, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "DATABASE_URL": database_url(), "REDIS_URL": redis, "CELERY_BROKER_URL": redis, "DEBUG": "false",
            "PORT": str(self.port), "WEB_HOST": "127.0.0.1", "WEB_WORKERS": "1", "WORKER_PROCESSES": "1",
            "SENDGRID_API_KEY": API_KEY if sendgrid else "", "SENDGRID_URL": sendgrid.url if sendgrid else "",
            "DEFAULT_FROM_EMAIL": "promoplatform <promotions@example.com>",
        }  # fmt: skip

    def start_redis(self) -> None:
        """An empty Valkey that keeps nothing on disk."""
        command = [
            str(valkey_binary()),
            "--port",
            str(self.redis_port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.home),
        ]
        self._start("redis", command)
        until(lambda: self._listens(self.redis_port), "Valkey listens")

    def start(self, *names: str, ready: bool = True) -> None:
        """Start parts as the Procfile names them; with web, wait until the platform is ready."""
        for name in names:
            self._start(name, ["/bin/sh", "-c", f"exec {procfile()[name]}"])
        if "web" in names and ready:
            until(lambda: self.get("/readyz").status == 200, f"web is ready\n{self.log('web')}")

    def start_web(self, command: list[str]) -> None:
        """Start web with a command line of its own."""
        self._start("web", command)
        until(lambda: self.get("/healthz").status == 200, f"web answers\n{self.log('web')}")

    def kill(self, *names: str) -> None:
        """End parts with all their children, without a word (SIGKILL)."""
        for name in names:
            process = self.parts.pop(name)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def stop(self) -> None:
        """Leave nothing running."""
        self.kill(*self.parts)

    def log(self, name: str) -> str:
        """The end of what a part has printed."""
        with contextlib.suppress(OSError):
            return (self.home / f"{name}.log").read_text(errors="replace")[-4000:]
        return ""

    def get(self, path: str, credentials: str = "") -> Answer:
        """GET; status 0 when there was no answer."""
        return self.call("GET", path, None, credentials)

    def post(self, path: str, body: object = None, credentials: str = "", **headers: str) -> Answer:
        """POST a JSON body, or bytes as they are; status 0 when there was no answer."""
        return self.call("POST", path, {} if body is None else body, credentials, **headers)

    def call(self, method: str, path: str, body: object, credentials: str, **headers: str) -> Answer:
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent |= ({"Authorization": credentials} if credentials else {}) | headers
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())
        except (OSError, http.client.HTTPException):  # refused, cut off, or torn in the middle
            return Answer(0, {}, b"")

    def _start(self, name: str, command: list[str]) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self.parts[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _listens(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def platform(sendgrid: SendGrid | None = None, settings: str = "promoplatform.settings.base") -> Iterator[Platform]:
    """A platform with its Valkey up and nothing else yet; all of it is ended at the end."""
    home = Path(tempfile.mkdtemp(prefix="promo-"))
    running = Platform(home, sendgrid, settings)
    try:
        running.start_redis()
        yield running
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)
