"""What can be refused about audiences and segments."""

from promoplatform.kernel.errors import Refusal


class AudienceEmpty(Refusal):
    code, status = "audience_empty", 409
    message = "There is nobody in this audience."


class AudienceComputed(Refusal):
    code, status = "audience_computed", 409
    message = "The brand has this audience worked out here; nobody else may say who is in it."


class PromotionHasSegment(Refusal):
    code, status = "promotion_has_segment", 409
    message = "This promotion has a segment already, of another audience or with other dates."
