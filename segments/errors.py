"""What can be refused about audiences and segments."""

from core.errors import DomainError


class AudienceEmpty(DomainError):
    code, status = "audience_empty", 409
    message = "There is nobody in this audience."


class AudienceReadOnly(DomainError):
    code, status = "audience_computed", 409
    message = "The brand has this audience worked out here; nobody else may say who is in it."


class SegmentAlreadyExists(DomainError):
    code, status = "promotion_has_segment", 409
    message = "This promotion has a segment already, of another audience or with other dates."
