"""Verbs of discount codes."""

from discounts.services.codes import announce_code, change_code, create_code, deactivate
from discounts.services.usages import Used, give_back, use

__all__ = ["Used", "announce_code", "change_code", "create_code", "deactivate", "give_back", "use"]
