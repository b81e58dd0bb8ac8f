"""Recount every counter from its rows and compare each sync job and message with its outcome."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _


class Command(BaseCommand):
    """A command that runs the functions of ``settings.CONSISTENCY_CHECKS``.

    Each is a ``check(*, at, repair) -> Iterator[str]`` that yields a line per difference, and with ``repair`` repairs
    the differences that can be repaired safely.
    """

    help = _(  # type: ignore[assignment]
        "Compare all counters with the rows that they count. "
        "Print a line per difference, and exit with status 1 if there are any."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair", action="store_true", help=gettext("Repair what can be repaired safely. Run again to verify.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for path in settings.CONSISTENCY_CHECKS:
            for line in import_string(path)(at=timezone.now(), repair=options["repair"]):
                self.stdout.write(line)
                count += 1
        summary = ngettext(
            "%(count)s difference in %(checks)s checks.", "%(count)s differences in %(checks)s checks.", count
        )
        self.stderr.write(summary % {"count": count, "checks": len(settings.CONSISTENCY_CHECKS)})
        if count:
            sys.exit(1)
