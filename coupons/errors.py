"""What can be refused about coupons beyond what every kind of code shares."""

from core.errors import DomainError


class CouponNotStarted(DomainError):
    code, status = "coupon_not_started", 409
    message = "This coupon cannot be redeemed yet."


class CouponEnded(DomainError):
    code, status = "coupon_ended", 409
    message = "This coupon has ended."


class CouponExhausted(DomainError):
    code, status = "coupon_exhausted", 409
    message = "This coupon has been redeemed as often as it may be."


class CouponLimitPerUser(DomainError):
    code, status = "coupon_limit_per_user", 409
    message = "You have redeemed this coupon as often as you may."
