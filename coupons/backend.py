"""Backend of coupons (``RedemptionBackend`` and ``CodeBackend`` of ``redemptions.contracts``)."""

from coupons.selectors import (
    active_items,
    available,
    candidates,
    describe_code_offers,
    get_code_statuses,
    offer_names,
    returned_amounts,
)
from coupons.services.reservations import amend_items, confirm, release, reserve, return_items
from coupons.services.staff_actions import release_redemption, return_redemption

__all__ = [
    "KIND",
    "active_items",
    "amend_items",
    "available",
    "candidates",
    "confirm",
    "describe_code_offers",
    "get_code_statuses",
    "offer_names",
    "release",
    "release_redemption",
    "reserve",
    "return_items",
    "return_redemption",
    "returned_amounts",
]

KIND = "coupon"
