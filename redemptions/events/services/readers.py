"""Positions of readers within the platform, which miss no event and read none twice.

A reader locks its position, reads the events of the transactions from there to the horizon, and moves the position in
the transaction of what it does with them.
"""

from django.db import connection

from redemptions.events.models import EventReader
from redemptions.events.selectors import get_epoch_and_horizon

LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('redemptions_eventreader'), hashtext(%s))"


def lock_reader(name: str) -> EventReader | None:
    """Return a reader, locked until the end of the transaction, or None while another transaction has locked it.

    Never waits. The lock is a statement of its own, so the next statement sees the position that its last holder wrote.
    A new reader begins with the oldest event.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [name])
        if not cursor.fetchone()[0]:
            return None
    reader, _created = EventReader.objects.get_or_create(name=name)
    return reader


def get_horizon() -> int:
    """Return the number below which every transaction has ended. It must be read after the position was locked."""
    return get_epoch_and_horizon()[1]
