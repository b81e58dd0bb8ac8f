"""Errors of promotions. Their codes are part of the API contract."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class PromotionNotActive(DomainError):
    code, status = "promotion_not_active", 409
    message = _("This promotion isn't active.")
