"""Errors of webhooks and unsubscribe links."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class WebhookSignatureInvalid(DomainError):
    code, status = "webhook_signature_invalid", 401
    message = _("Invalid or expired webhook signature.")


class UnsubscribeLinkInvalid(DomainError):
    code, status = "unsubscribe_link_invalid", 404
    message = _("This unsubscribe link is invalid.")
