"""What happens to audiences."""

from segments.contracts import Applied, Operation
from segments.services.audiences import apply_audience, apply_file

__all__ = ["Applied", "Operation", "apply_audience", "apply_file"]
