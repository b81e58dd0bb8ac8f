"""``python -m benchmarks [name …] [--quick]``: run benchmarks and print tables. See docs/benchmarks.md."""

import argparse
import logging
import os
import platform
import signal
import sys
from importlib import import_module

import django
from django.core.management import call_command
from django.db import connection

from benchmarks import environment
from benchmarks.load import ToolMissing
from benchmarks.scenarios import FULL, QUICK, print_line

NAMES = [
    "engine",
    "quotes",
    "whole_stack",
    "latency",
    "redemptions",
    "coupons",
    "coupon_scaling",
    "usage_scaling",
    "first_logins",
    "reports",
    "segments",
    "audiences",
    "profiles",
    "comparisons",
]


def main(arguments: list[str]) -> int:
    """Run the benchmarks with these names, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", choices=[*NAMES, []], help=", ".join(NAMES))
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: proves that all of it runs; the results mean nothing"
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # also stops the servers
    environment.prepare()
    django.setup()
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        print_line(
            f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
            f"Python {platform.python_version()}, Django {django.__version__}, "
            f"PostgreSQL {cursor.fetchone()[0]}, load {os.getloadavg()[0]:.1f} before the run"
        )
    logging.disable(logging.INFO)  # of this process only
    plan = QUICK if options.quick else FULL
    for name in options.names or NAMES:
        print_line(f"## {name}")
        call_command("flush", interactive=False, verbosity=0)  # each starts with empty tables
        try:
            import_module(f"benchmarks.{name}").measure(plan)
        except ToolMissing as error:
            print_line(f"skipped: {error}")
    connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
