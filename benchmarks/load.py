"""Load generators: wrk for HTTP, pgbench for SQL."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from promoplatform.devserver.servers import postgres_binaries

SCRIPTS = Path(__file__).parent / "wrk"
CONNECTIONS = 16
CLIENTS = 8  # database connections of 2 workers with 4 threads
GENERATORS = 2


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Result of wrk: responses per second, rejected requests (status above 399), failed sockets, and milliseconds."""

    rate: float
    answers: int
    rejected: int
    broken: int
    p50: float
    p99: float
    extra: int = 0


class ToolMissing(Exception):
    """Raised when a program that a benchmark needs is not installed."""


def wrk(address: str, script: str, *arguments: object, seconds: int, connections: int = CONNECTIONS) -> LoadResult:
    """Load ``address`` with ``wrk/<script>.lua``.

    Raises RuntimeError if sockets failed or nothing was answered, ToolMissing without wrk.
    """
    program = shutil.which("wrk")
    if program is None:
        raise ToolMissing("wrk is not installed (Debian: apt install wrk)")
    command = [
        program, f"-t{GENERATORS}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
        "-s", str(SCRIPTS / f"{script}.lua"), address, "--", str(GENERATORS), *map(str, arguments),
    ]  # fmt: skip
    process = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False)
    lines = [line for line in process.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise RuntimeError(f"wrk printed no result: {process.stdout}{process.stderr}")
    answers, duration, rejected, broken, p50, p99, extra = (float(part) for part in lines[-1].split()[1:])
    if broken:
        raise RuntimeError(f"{broken:.0f} of {answers:.0f} requests got no response")
    if not answers:
        raise RuntimeError(f"no request got a response within {seconds} s")
    return LoadResult(
        answers / duration * 1e6, int(answers), int(rejected), int(broken), p50 / 1000, p99 / 1000, int(extra)
    )


def pgbench(
    script: str, *, seconds: int, mode: str = "prepared", clients: int = CLIENTS, checkpoint: bool = True
) -> float:
    """Return the transactions per second of a pgbench script.

    A checkpoint comes first, so that each run pays for the full-page writes after it.
    """
    url = os.environ["DATABASE_URL"]
    if checkpoint:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
    connection_info = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command: Sequence[str] = [
            _pgbench(), "-n", "-M", mode, "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", file.name,
            "-h", connection_info["host"], "-p", connection_info.get("port", "5432"), "-U", connection_info["user"],
            connection_info["dbname"],
        ]  # fmt: skip
        environment = os.environ | {"PGPASSWORD": connection_info.get("password", "")}
        process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in process.stdout.splitlines() if line.startswith("tps = ")]
    if process.returncode or not lines:
        raise RuntimeError(f"pgbench failed: {process.stdout}{process.stderr}")
    return float(lines[-1].split()[2])


def _pgbench() -> str:
    bundled = postgres_binaries() / "pgbench"
    program = str(bundled) if bundled.exists() else shutil.which("pgbench")
    if program is None:
        raise ToolMissing("pgbench is not installed (part of PostgreSQL)")
    return program
