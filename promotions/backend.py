"""Backend of promotions (``RedemptionBackend`` and ``CodeBackend`` of ``redemptions.contracts``)."""

from promotions.selectors.candidates import active_items, available, candidates, offer_names, returned_amounts
from promotions.selectors.code_offers import describe_code_offers, get_code_statuses
from promotions.services.amendments import amend_items
from promotions.services.reservations import confirm, release, reserve, return_items

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
    "reserve",
    "return_items",
    "returned_amounts",
]

KIND = "promotion"
