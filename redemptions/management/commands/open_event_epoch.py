"""Command that ends the cursors of readers of events after a restore."""

from typing import Any

from django.core.management.base import BaseCommand

from redemptions.events.services import open_epoch


class Command(BaseCommand):
    """Start a new epoch of events, after a restore to an earlier time on the same server."""

    help = "Start a new epoch of events after a restore, which expires the cursors of readers."

    def handle(self, *args: Any, **options: Any) -> None:
        """Start the epoch."""
        open_epoch(is_restored=True)
        self.stdout.write("A new epoch of events has started.")
