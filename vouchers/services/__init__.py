"""Services of campaigns and vouchers."""

from vouchers.services.campaigns import close, create, extend
from vouchers.services.claims import claim, claim_many
from vouchers.services.login import LoginResult, login_and_claim
from vouchers.services.login_events import process_events, process_messages
from vouchers.services.waiting_list import revoke

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
