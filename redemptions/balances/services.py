"""Movements of balances, appended in the transaction that changes the balances."""

from collections.abc import Iterable
from datetime import datetime

from core import db
from redemptions.balances.contracts import Movement


def append_movements(movements: Iterable[Movement], *, at: datetime) -> None:
    """Append movements of balances that the caller has just changed, in one statement, or none without movements."""
    rows = list(movements)
    if not rows:
        return
    params = {
        "offers": [row.offer for row in rows], "codes": [row.code for row in rows],
        "currencies": [row.currency for row in rows], "redemptions": [row.redemption for row in rows],
        "amounts": [row.amount for row in rows], "reasons": [row.reason.value for row in rows], "at": at,
    }  # fmt: skip
    db.execute("redemptions/balances/sql/append_movements.sql", params)
