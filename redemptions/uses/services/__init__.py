"""Services of the uses of offers, and of the budgets and limits that they take from."""

from redemptions.uses.services.amendments import amend_items
from redemptions.uses.services.customers import erase_identities, forget_customer, move_customer
from redemptions.uses.services.limits import change_limits, check_pool, open_total, report_budgets
from redemptions.uses.services.reservations import (
    confirm,
    delete_uses,
    lock_offers,
    lock_uses,
    release,
    reserve,
    return_items,
)

__all__ = [
    "amend_items",
    "change_limits",
    "check_pool",
    "confirm",
    "delete_uses",
    "erase_identities",
    "forget_customer",
    "lock_offers",
    "lock_uses",
    "move_customer",
    "open_total",
    "release",
    "report_budgets",
    "reserve",
    "return_items",
]
