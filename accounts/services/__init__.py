"""The verbs of accounts, as other apps and doors call them."""

from accounts.services.customers import ensure_customer

__all__ = ["ensure_customer"]
