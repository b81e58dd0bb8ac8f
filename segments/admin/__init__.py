"""The admin's pages of audiences and segments."""

from segments.admin.audiences import AudienceAdmin

__all__ = ["AudienceAdmin"]
