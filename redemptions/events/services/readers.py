"""Positions of readers within the platform, which miss no event and read none twice.

A reader locks its position, reads the events of the transactions from there to the horizon, and moves the position in
the transaction of what it does with them.
"""

from redemptions.events.models import EventReader
from redemptions.events.selectors import get_epoch_and_horizon


def lock_reader(name: str) -> EventReader | None:
    """Return a reader, locked until the end of the transaction, or None while another transaction has locked it.

    A new reader begins with the oldest event.
    """
    EventReader.objects.get_or_create(name=name)
    return EventReader.objects.select_for_update(skip_locked=True).filter(name=name).first()


def get_horizon() -> int:
    """Return the number below which every transaction has ended. It must be read after the position was locked."""
    return get_epoch_and_horizon()[1]
