"""A code applied to a cart of five lines: this platform beside django-oscar, on the same PostgreSQL, turn by turn.

django-oscar lives in a virtual environment of its own, which BENCH_OSCAR_PYTHON names; without it this is skipped.
The two do not do the same: oscar keeps a basket in its database and writes the voucher to it, the platform is sent the
cart and writes nothing.
"""

import itertools
import json
import os
import subprocess
from pathlib import Path

import psycopg

from benchmarks import data, inside
from benchmarks.load import ToolMissing
from benchmarks.plan import Plan, Rounds, milliseconds, tell
from benchmarks.stand import database_url

DATABASE = "promo_benchmarks_oscar"
FOLDER = Path(__file__).parent / "oscar"
START = "import sys, django; django.setup(); import run; run.main(sys.argv[1:])"
PATH = "/api/v1/checkout/quote/"


def measure(plan: Plan) -> None:
    """Prints requests a second, in one process, one after the other."""
    python = os.environ.get("BENCH_OSCAR_PYTHON")
    if not python:
        raise ToolMissing("BENCH_OSCAR_PYTHON names no Python that has django-oscar (see docs/benchmarks.md)")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    _oscar(python, "setup")
    owner = data.brand("peer")
    data.discount_codes(owner, 100)
    tokens = itertools.cycle(line.split()[1] for line in data.shoppers(50).file.read_text().splitlines())
    data.vacuum()
    cart = data.cart("peer", codes=["BENCH1"])
    rounds: Rounds = {
        "django-oscar, the view": [],
        "django-oscar, the verb alone": [],
        "a quote, the whole request": [],
    }
    for _ in range(plan.rounds):
        theirs = json.loads(_oscar(python, "measure", str(plan.seconds)))
        ours = milliseconds(lambda: inside.post(PATH, cart, next(tokens)), seconds=plan.seconds)
        for values, taken in zip(rounds.values(), (theirs["view"], theirs["verb"], ours), strict=True):
            values.append(1000 / taken)
    tell("A code on a cart of 5 lines", rounds, unit="a second", against="django-oscar, the view")


def _oscar(python: str, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment["DJANGO_SETTINGS_MODULE"] = "settings"
    environment["OSCAR_DATABASE_URL"] = database_url(os.environ["DATABASE_URL"], DATABASE)
    done = subprocess.run(
        [python, "-c", START, *arguments], cwd=FOLDER, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return done.stdout
