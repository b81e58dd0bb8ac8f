"""Errors of coupons, beside those that every kind of offer shares."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from redemptions.errors import UsageLimitPerCustomer, UsageLimitReached

COUPON_INACTIVE = _("This coupon isn't active.")
COUPON_NEEDS_CART = _("This coupon can only be redeemed at checkout, since it has a budget or a limit of units.")
CONDITIONS_NEED_CART = _("This coupon can only be redeemed at checkout, since its offer has conditions.")
BALANCE_NEEDS_CART = _("This coupon can only be redeemed at checkout, since its codes keep a balance.")
CODE_REQUIRED = _("Enter the code of this coupon.")
SINGLE_USE_CODE_REQUIRED = _("Enter a code. This coupon requires a single-use code.")


class CouponNotStarted(DomainError):
    code, status = "coupon_not_started", 409
    message = _("This coupon isn't valid yet.")


class CouponEnded(DomainError):
    code, status = "coupon_ended", 409
    message = _("This coupon has ended.")


class CouponLimitReached(UsageLimitReached):
    """Error of a coupon's total usage limit."""

    message = _("This coupon has reached its usage limit.")

    def __init__(self, detail: str | Promise = "", **options: Any) -> None:
        super().__init__(detail, **{"limit": "total"} | options)


class CouponLimitPerCustomer(UsageLimitPerCustomer):
    message = _("You've reached the usage limit for this coupon.")
