"""Consistency check of balances: compares what redemptions took of each code with its movements.

``redemptions.uses.consistency`` compares it with the uses first, and repairs it.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction

from core import db
from redemptions.balances.contracts import Movement, MovementReason
from redemptions.balances.models import BalanceMovement
from redemptions.balances.services import append_movements
from redemptions.limits.models import Limit
from redemptions.limits.rules import BALANCE

CHUNK = 500
RECOUNT = "redemptions/balances/sql/recount_balances.sql"


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each difference. With ``repair``, append a movement that corrects it."""
    for offers in _iter_offers():
        with transaction.atomic(), db.extended_timeouts():
            differences = db.fetch_all(RECOUNT, {"offers": offers})
        for row in differences:
            repaired = repair and _correct(row["offer"], row["code"], at)
            yield (
                f"code {row['code']} of {row['offer']}: {row['scope']} lost {row['taken']}, but its movements add up to"
                f" {-row['moved']}" + (": repaired" if repaired else "")
            )


def _iter_offers() -> Iterator[list[UUID]]:
    """Yield the offers whose codes keep balances, in chunks."""
    taken = Limit.objects.filter(scope__startswith=f"{BALANCE}:").order_by().values_list("owner").distinct()
    moved = BalanceMovement.objects.order_by().values_list("offer_id").distinct()
    offers = sorted({offer for (offer,) in (*taken, *moved)})
    for start in range(0, len(offers), CHUNK):
        yield offers[start : start + CHUNK]


@transaction.atomic
def _correct(offer: UUID, code: str, at: datetime) -> bool:
    """Append the missing part of the movements of a code while its balance is locked. Return whether it has one."""
    locked = Limit.objects.filter(owner=offer, slot=code, scope__startswith=f"{BALANCE}:").order_by("scope")
    if not list(locked.select_for_update()):
        return False
    rows = [row for row in db.fetch_all(RECOUNT, {"offers": [offer]}) if row["code"] == code]
    append_movements(
        (
            Movement(
                offer, code, row["scope"].partition(":")[2], None, row["moved"] - row["taken"], MovementReason.CORRECTED
            )
            for row in rows
        ),
        at=at,
    )
    return True
