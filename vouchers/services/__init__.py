"""Services of campaigns and vouchers."""

from vouchers.services.campaigns import change, change_decision, create, delete, duplicate, editable_fields
from vouchers.services.claims import claim, claim_many
from vouchers.services.login import LoginResult, login_and_claim
from vouchers.services.login_events import process_events, process_messages
from vouchers.services.waiting_list import revoke

__all__ = [
    "LoginResult",
    "change",
    "change_decision",
    "claim",
    "claim_many",
    "create",
    "delete",
    "duplicate",
    "editable_fields",
    "login_and_claim",
    "process_events",
    "process_messages",
    "revoke",
]
