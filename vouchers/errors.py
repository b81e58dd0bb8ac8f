"""What can be refused about campaigns and vouchers beyond what every kind of offer shares."""

from core.errors import DomainError


class CampaignNotOpen(DomainError):
    code, status = "campaign_not_open", 409
    message = "This campaign is not open at this time."


class SlugTaken(DomainError):
    code, status = "slug_taken", 409
    message = "Another campaign has this slug."


class VoucherUsed(DomainError):
    code, status = "voucher_used", 409
    message = "This voucher is already used, or another order has it reserved."


class VoucherExpired(DomainError):
    code, status = "voucher_expired", 409
    message = "This voucher has expired."


class VoucherWrongType(DomainError):
    code, status = "voucher_wrong_type", 409
    message = "This voucher is for another type of transaction."
