"""What happens to audiences and segments."""

from segments.contracts import Applied, Operation
from segments.services.audiences import BIGGEST, apply_audience, apply_file
from segments.services.queue import hurry, work
from segments.services.scheduling import delete, follow, schedule
from segments.services.syncing import retry_now
from segments.services.updates import take_update

__all__ = [
    "BIGGEST",
    "Applied",
    "Operation",
    "apply_audience",
    "apply_file",
    "delete",
    "follow",
    "hurry",
    "retry_now",
    "schedule",
    "take_update",
    "work",
]
