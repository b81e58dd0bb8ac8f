"""Verbs of promotions and codes."""

from promotions.services.codes import claim_code
from promotions.services.life import LIMITS, activate, change, checked_offer, create, deactivate, end_due, start_due

__all__ = [
    "LIMITS",
    "activate",
    "change",
    "checked_offer",
    "claim_code",
    "create",
    "deactivate",
    "end_due",
    "start_due",
]
