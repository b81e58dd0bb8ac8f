"""Errors of audiences and segments."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class AudienceEmpty(DomainError):
    code, status = "audience_empty", 409
    message = _("This audience has no customers.")


class AudienceReadOnly(DomainError):
    code, status = "audience_read_only", 409
    message = _("This audience is automatic and can't be updated.")


class SegmentAlreadyExists(DomainError):
    code, status = "segment_already_exists", 409
    message = _("This promotion already has a segment with another audience or other dates.")
