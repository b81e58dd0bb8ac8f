"""What happens to audiences."""

from segments.services.audiences import Operation, apply_audience

__all__ = ["Operation", "apply_audience"]
