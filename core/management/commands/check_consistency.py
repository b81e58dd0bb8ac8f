"""Recounts every counter from the rows it stands for and every promise from its outcome: a line a difference, exit 1.

``settings.CONSISTENCY_CHECKS`` names what is audited: functions ``audit(*, at, repair) -> Iterator[str]`` in the apps' services,
each of which describes a difference a line, and with ``repair`` mends those that can be mended safely.
"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.module_loading import import_string


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="mend what can be mended safely; run again to see")

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        for path in settings.CONSISTENCY_CHECKS:
            for line in import_string(path)(at=timezone.now(), repair=options["repair"]):
                self.stdout.write(line)
                found += 1
        self.stderr.write(f"{found} differences in {len(settings.CONSISTENCY_CHECKS)} ledgers")
        if found:
            sys.exit(1)
