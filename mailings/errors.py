"""What can be refused at the mail provider's door."""

from core.errors import DomainError


class WebhookSignatureInvalid(DomainError):
    code, status = "webhook_signature_invalid", 401
    message = "The events are not signed with the key that is known here, or were signed too long ago."


class UnsubscribeLinkInvalid(DomainError):
    code, status = "unsubscribe_link_invalid", 404
    message = "This unsubscribe link is not complete, or the mail it belongs to is unknown here."
