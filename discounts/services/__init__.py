"""Verbs of discount codes."""

from discounts.services.codes import change_code, create_code, deactivate
from discounts.services.usages import Used, give_back, use

__all__ = ["Used", "change_code", "create_code", "deactivate", "give_back", "use"]
