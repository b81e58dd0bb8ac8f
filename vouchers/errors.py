"""Errors of campaigns and vouchers."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError

VOUCHER_INACTIVE = _("This voucher isn't active.")
INVALID_EVENT = _("Expected an object.")
INVALID_EVENT_FIELDS = {
    "event_id": _("Enter an event ID of 1 to %(max)s printable characters."),
    "customer_id": _("Enter a customer ID of 1 to %(max)s printable characters."),
    "at": _("Enter an ISO 8601 datetime with a UTC offset, for example 2027-01-31T23:59:59+01:00."),
    "campaign": _("Enter a valid campaign slug."),
}
EVENT_IN_FUTURE = _("Must not be in the future.")


class CampaignNotOpen(DomainError):
    code, status = "campaign_not_open", 409
    message = _("This campaign isn't active.")


class SlugTaken(DomainError):
    code, status = "slug_taken", 409
    message = _("A campaign with this slug already exists.")


class VoucherUsed(DomainError):
    code, status = "voucher_used", 409
    message = _("This voucher was used or is reserved by another order.")


class VoucherExpired(DomainError):
    code, status = "voucher_expired", 409
    message = _("This voucher has expired.")


class VoucherWrongType(DomainError):
    code, status = "voucher_wrong_type", 409
    message = _("This voucher isn't valid for this transaction type.")
