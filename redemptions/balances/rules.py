"""Rules of balances: initial balances, and the movements of what redemptions take."""

import uuid
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from core import money
from redemptions.balances.contracts import Movement, MovementReason
from redemptions.limits.contracts import TakenLimit
from redemptions.limits.rules import BALANCE, base_scope
from redemptions.stored_values import StoredValue


def parse_balance(text: str, value: StoredValue | None) -> int:
    """Return the initial balance of a code, in minor units of its offer's amount. Raises ValueError with the reason."""
    if value is None:
        raise ValueError(_("The codes of this offer keep no balance."))
    balance = money.parse(text, value.currency)
    if balance <= 0:
        raise ValueError(_("The balance must be greater than 0."))
    return balance


def iter_movements(
    taken: Iterable[TakenLimit], *, redemption: uuid.UUID, reason: MovementReason, sign: int = 1
) -> Iterator[Movement]:
    """Yield the movements of balances for what a redemption releases, or with ``sign`` -1 for what it takes."""
    for one in taken:
        if base_scope(one.scope) == BALANCE and one.amount:
            currency = one.scope.partition(":")[2]
            yield Movement(one.owner, one.slot, currency, redemption, sign * one.amount, reason)
