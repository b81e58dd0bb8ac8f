"""The load: wrk for HTTP, pgbench for SQL; both answer what they saw."""

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
CLIENTS = 8  # 2 workers of 4 threads have so many connections to the database
GENERATORS = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """What wrk saw: answers a second, how many refused (status above 399), how many sockets failed, milliseconds."""

    rate: float
    answers: int
    refused: int
    broken: int
    p50: float
    p99: float
    extra: int = 0


class ToolMissing(Exception):
    """A program that a benchmark needs is not installed."""


def wrk(address: str, script: str, *arguments: object, seconds: int, connections: int = CONNECTIONS) -> Seen:
    """Load ``address`` with ``wrk/<script>.lua``. Raises RuntimeError when sockets failed, ToolMissing without wrk."""
    program = shutil.which("wrk")
    if program is None:
        raise ToolMissing("wrk is not installed (Debian: apt install wrk)")
    command = [
        program, f"-t{GENERATORS}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
        "-s", str(SCRIPTS / f"{script}.lua"), address, "--", str(GENERATORS), *map(str, arguments),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not told:
        raise RuntimeError(f"wrk said nothing: {done.stdout}{done.stderr}")
    answers, took, refused, broken, p50, p99, extra = (float(part) for part in told[-1].split()[1:])
    if broken:
        raise RuntimeError(f"{broken:.0f} of {answers:.0f} requests had no answer")
    return Seen(answers / took * 1e6, int(answers), int(refused), int(broken), p50 / 1000, p99 / 1000, int(extra))


def pgbench(
    script: str, *, seconds: int, mode: str = "prepared", clients: int = CLIENTS, checkpoint: bool = True
) -> float:
    """Transactions a second of a pgbench script; a checkpoint comes first, which writes whole pages after it."""
    url = os.environ["DATABASE_URL"]
    if checkpoint:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
    to = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command: Sequence[str] = [
            _pgbench(), "-n", "-M", mode, "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", file.name,
            "-h", to["host"], "-p", to.get("port", "5432"), "-U", to["user"], to["dbname"],
        ]  # fmt: skip
        environment = os.environ | {"PGPASSWORD": to.get("password", "")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if line.startswith("tps = ")]
    if done.returncode or not told:
        raise RuntimeError(f"pgbench failed: {done.stdout}{done.stderr}")
    return float(told[-1].split()[2])


def _pgbench() -> str:
    beside = postgres_binaries() / "pgbench"
    found = str(beside) if beside.exists() else shutil.which("pgbench")
    if found is None:
        raise ToolMissing("pgbench is not installed (it comes with PostgreSQL)")
    return found
