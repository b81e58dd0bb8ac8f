"""Verbs of campaigns and vouchers."""

from vouchers.services.campaigns import close, create, extend
from vouchers.services.claiming import claim, claim_many

__all__ = ["claim", "claim_many", "close", "create", "extend"]
