"""What happens to audiences and segments."""

from segments.contracts import Applied, Operation
from segments.services.audiences import apply_audience, apply_file
from segments.services.queue import work
from segments.services.scheduling import delete, follow, schedule

__all__ = ["Applied", "Operation", "apply_audience", "apply_file", "delete", "follow", "schedule", "work"]
