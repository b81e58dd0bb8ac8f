"""What happens to audiences and segments."""

from segments.contracts import Applied, Operation
from segments.services.audiences import BIGGEST, apply_audience, apply_file
from segments.services.computing import compute, count_again, count_anew, move, stop_computing
from segments.services.pressure import reach
from segments.services.queue import hurry, work
from segments.services.scheduling import delete, follow, schedule
from segments.services.syncing import retry_now
from segments.services.updates import take_update
from segments.services.uploads import (
    apply_upload,
    bring,
    discard_upload,
    forget_uploads,
    queue_upload,
    stop_upload,
)

__all__ = [
    "BIGGEST",
    "Applied",
    "Operation",
    "apply_audience",
    "apply_file",
    "apply_upload",
    "bring",
    "compute",
    "count_again",
    "count_anew",
    "delete",
    "discard_upload",
    "follow",
    "forget_uploads",
    "hurry",
    "move",
    "queue_upload",
    "reach",
    "retry_now",
    "schedule",
    "stop_computing",
    "stop_upload",
    "take_update",
    "work",
]
