"""Verbs of discount codes."""

from discounts.services.codes import announce_code, change_code, create_code, create_rule, deactivate
from discounts.services.usages import Used, give_back, use

__all__ = ["Used", "announce_code", "change_code", "create_code", "create_rule", "deactivate", "give_back", "use"]
