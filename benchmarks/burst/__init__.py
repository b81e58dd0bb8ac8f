"""A crowd that comes at once: ``burst.c``, compiled when needed, because wrk knows no schedule and keeps no answers."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load import ToolMissing
from benchmarks.seed_data import FOLDER

SOURCE = Path(__file__).with_name("burst.c")


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request came back with: its place in the crowd, status (0: nothing came), milliseconds, body."""

    number: int
    status: int
    milliseconds: float
    body: str

    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a burst saw. ``seconds`` from the first request to the last answer; the rest in milliseconds from when each
    request was due."""

    opened: int
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
        """Answers a second."""
        return self.answered / self.seconds


def burst(address: str, path: str, tokens: Sequence[str], *, connections: int, rate: int = 0, hold: float = 0) -> Crowd:
    """One POST for each token, at ``rate`` a second or (0) all at once, over so many connections held open before.

    Raises ToolMissing without a C compiler.
    """
    asked, told = FOLDER / "burst.tokens", FOLDER / "burst.answers"
    asked.write_text("".join(f"{token}\n" for token in tokens))
    port = str(urlsplit(address).port)
    command = [_program(), port, path, str(asked), str(rate), str(connections), str(hold), str(told)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("RESULT "):
        raise RuntimeError(f"burst said nothing: {done.stdout}{done.stderr}")
    opened, answered, broken, *figures = done.stdout.split()[1:]
    seconds, p50, p90, p99, p999, worst = map(float, figures)
    replies = tuple(_reply(line) for line in told.read_text().splitlines())
    return Crowd(int(opened), int(answered), int(broken), seconds, p50, p90, p99, p999, worst, replies)


def _reply(line: str) -> Reply:
    number, status, milliseconds, body = line.split(" ", 3)
    return Reply(int(number), int(status), float(milliseconds), body)


def _program() -> str:
    compiled = FOLDER / "burst"
    if not compiled.exists():
        compiler = shutil.which("cc")
        if compiler is None:
            raise ToolMissing("a C compiler is not installed (Debian: apt install gcc)")
        subprocess.run([compiler, "-O2", "-o", str(compiled), str(SOURCE)], check=True)
    return str(compiled)
