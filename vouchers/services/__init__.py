"""Verbs of campaigns and vouchers."""

from vouchers.services.campaigns import close, create, extend
from vouchers.services.claiming import claim, claim_many
from vouchers.services.intake import take_in, take_messages
from vouchers.services.signing_in import SignedIn, arrive
from vouchers.services.waiting import revoke

__all__ = [
    "SignedIn",
    "arrive",
    "claim",
    "claim_many",
    "close",
    "create",
    "extend",
    "revoke",
    "take_in",
    "take_messages",
]
