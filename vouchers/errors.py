"""What can be refused about campaigns and vouchers beyond what every kind of offer shares."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


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
