"""What can be refused about audiences and segments."""

from promoplatform.kernel.errors import Refusal


class AudienceEmpty(Refusal):
    code, status = "audience_empty", 409
    message = "There is nobody in this audience."
