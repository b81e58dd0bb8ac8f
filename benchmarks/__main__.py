"""``python -m benchmarks [name …] [--quick]``: measures, and prints tables. See docs/benchmarks.md."""

import argparse
import logging
import os
import platform
import shutil
import signal
import sys
from importlib import import_module

import django
from django.core.management import call_command
from django.db import connection

from benchmarks import environment
from benchmarks.load import ToolMissing
from benchmarks.scenarios import FULL, QUICK, say

NAMES = [
    "engine",
    "quotes",
    "whole_stack",
    "latency",
    "redemptions",
    "coupons",
    "coupons_at_size",
    "usage_at_size",
    "first_logins",
    "reports",
    "segments",
    "audiences",
    "profiles",
    "peers",
]


def main(arguments: list[str]) -> int:
    """Runs the benchmarks of these names, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", choices=[*NAMES, []], help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="tiny sizes: it runs, its figures say nothing")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and the servers that were started end too
    environment.prepare()
    django.setup()
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        say(
            f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
            f"Python {platform.python_version()}, Django {django.__version__}, "
            f"PostgreSQL {cursor.fetchone()[0]}, load {os.getloadavg()[0]:.1f} before"
        )
    logging.disable(logging.INFO)  # of this process; the servers log as ever
    plan = QUICK if asked.quick else FULL
    for name in asked.names or NAMES:
        say(f"## {name}")
        call_command("flush", interactive=False, verbosity=0)  # none finds another's rows
        try:
            import_module(f"benchmarks.{name}").measure(plan)
        except ToolMissing as missing:
            say(f"skipped: {missing}")
    connection.close()
    shutil.rmtree(import_module("benchmarks.seed_data").FOLDER, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
