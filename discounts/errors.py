"""Errors of discount codes, beside those that all kinds of codes share."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class ValidityInPast(DomainError):
    code, status = "validity_in_past", 400
    message = _("The validity must be in the future.")


class DiscountOutOfRange(DomainError):
    code, status = "discount_out_of_range", 400
    message = _("The discount must be a whole percentage from 1 to 99.")
