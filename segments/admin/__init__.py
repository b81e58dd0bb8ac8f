"""Admin pages of audiences and segments."""

from segments.admin import audiences, segments, uploads

__all__ = ["audiences", "segments", "uploads"]
