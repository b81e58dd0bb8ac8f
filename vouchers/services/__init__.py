"""Verbs of campaigns and vouchers."""

from vouchers.services.campaigns import close, create, extend
from vouchers.services.claiming import claim, claim_many
from vouchers.services.intake import process_events, process_messages
from vouchers.services.signing_in import LoginResult, login_and_claim
from vouchers.services.waiting import revoke

__all__ = [
    "LoginResult",
    "claim",
    "claim_many",
    "close",
    "create",
    "extend",
    "login_and_claim",
    "process_events",
    "process_messages",
    "revoke",
]
