"""Errors of coupons, beside those that every kind of offer shares."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from promotions.errors import UsageLimitPerCustomer, UsageLimitReached


class CouponNotStarted(DomainError):
    code, status = "coupon_not_started", 409
    message = _("This coupon isn't valid yet.")


class CouponEnded(DomainError):
    code, status = "coupon_ended", 409
    message = _("This coupon has ended.")


class CouponLimitReached(UsageLimitReached):
    message = _("This coupon has reached its usage limit.")


class CouponLimitPerCustomer(UsageLimitPerCustomer):
    message = _("You've reached the usage limit for this coupon.")
