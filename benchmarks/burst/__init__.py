"""Burst of many clients: ``burst.c``, compiled on demand, because wrk has no schedule and stores no responses."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load import ToolMissing
from benchmarks.seed_data import DATA_DIR

SOURCE = Path(__file__).with_name("burst.c")


@dataclass(frozen=True, slots=True)
class Reply:
    """Response to one request: its position in the burst, status (0 without a response), milliseconds and body."""

    number: int
    status: int
    milliseconds: float
    body: str

    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class BurstResult:
    """Result of a burst.

    ``seconds`` counts from the first request to the last response; the other times are milliseconds from when each
    request was due.
    """

    connections: int
    answered: int
    broken: int
    seconds: float
    p50: float
    p90: float
    p99: float
    p999: float
    worst: float
    replies: tuple[Reply, ...]

    @property
    def rate(self) -> float:
        """Responses per second."""
        return self.answered / self.seconds


def burst(
    address: str, path: str, tokens: Sequence[str], *, connections: int, rate: int = 0, hold: float = 0
) -> BurstResult:
    """Send one POST for each token, at ``rate`` per second or (0) all at once, over connections that are opened before.

    Raises ToolMissing without a C compiler.
    """
    tokens_file, responses_file = DATA_DIR / "burst.tokens", DATA_DIR / "burst.answers"
    tokens_file.write_text("".join(f"{token}\n" for token in tokens))
    port = str(urlsplit(address).port)
    command = [_program(), port, path, str(tokens_file), str(rate), str(connections), str(hold), str(responses_file)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if not process.stdout.startswith("RESULT "):
        raise RuntimeError(f"burst printed no result: {process.stdout}{process.stderr}")
    opened, answered, broken, *figures = process.stdout.split()[1:]
    seconds, p50, p90, p99, p999, worst = map(float, figures)
    replies = tuple(_reply(line) for line in responses_file.read_text().splitlines())
    return BurstResult(int(opened), int(answered), int(broken), seconds, p50, p90, p99, p999, worst, replies)


def _reply(line: str) -> Reply:
    number, status, milliseconds, body = line.split(" ", 3)
    return Reply(int(number), int(status), float(milliseconds), body)


def _program() -> str:
    compiled = DATA_DIR / "burst"
    if not compiled.exists():
        compiler = shutil.which("cc")
        if compiler is None:
            raise ToolMissing("a C compiler is not installed (Debian: apt install gcc)")
        subprocess.run([compiler, "-O2", "-o", str(compiled), str(SOURCE)], check=True)
    return str(compiled)
