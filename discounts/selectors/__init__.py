"""Reads of discount codes, one module per subject."""

from discounts.selectors.code_offers import describe_code_offers
from discounts.selectors.codes import (
    available,
    candidates,
    codes,
    currency_of,
    get_code,
    list_announced,
    list_for_brands,
    list_usable,
    offer_names,
)
from discounts.selectors.mails import (
    announcement_progress,
    count_recipients,
    get_announcement,
    iter_recipients,
    list_unannounced,
    mailing_key,
)
from discounts.selectors.redemptions import active_items, get_return, returned_amounts, was_returned

__all__ = [
    "active_items",
    "announcement_progress",
    "available",
    "candidates",
    "codes",
    "count_recipients",
    "currency_of",
    "describe_code_offers",
    "get_announcement",
    "get_code",
    "get_return",
    "iter_recipients",
    "list_announced",
    "list_for_brands",
    "list_unannounced",
    "list_usable",
    "mailing_key",
    "offer_names",
    "returned_amounts",
    "was_returned",
]
