"""Reads of balances and of their movements."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from core import db
from redemptions.balances.models import BalanceMovement
from redemptions.contracts import Candidate, Rejection
from redemptions.errors import CodeAlreadyUsed
from redemptions.limits.rules import balance_scope
from redemptions.stored_values import CodeBalance, StoredValue, find_stored_value

CodeKey = tuple[uuid.UUID, str]
"""The ID of an offer, and the text of one of its codes."""
NOTHING_LEFT = _("Nothing is left on this code.")


def get_balances(*, values: Mapping[CodeKey, StoredValue], at: datetime) -> dict[CodeKey, CodeBalance]:
    """Return the balances of codes, given with the amounts of their offers. Runs one query, or none without codes.

    A code without a balance of its own has the amount of its offer. Never less than nothing is left.
    """
    if not values:
        return {}
    offers, codes = zip(*values, strict=True)
    scopes = [balance_scope(value.currency) for value in values.values()]
    params = {"offers": list(offers), "codes": list(codes), "scopes": scopes, "at": at}
    balances = {}
    for row in db.fetch_all("redemptions/balances/sql/read_balances.sql", params):
        key = (row["offer"], row["code"])
        value = values[key]
        initial = value.amount if row["initial"] is None else row["initial"]
        balances[key] = CodeBalance(value.currency, initial, max(0, initial - row["taken"] + row["expired"]))
    return balances


def load_balances(candidates: Iterable[Candidate], *, at: datetime) -> dict[str, CodeBalance]:
    """Return the balances of the candidates whose codes keep one, by reference. Runs one query, or none."""
    references: dict[CodeKey, str] = {}
    values: dict[CodeKey, StoredValue] = {}
    for candidate in candidates:
        if candidate.code and candidate.offer_id is not None and candidate.currency is not None:
            value = find_stored_value(candidate.offer, currency=candidate.currency)
            if value is not None:
                key = (candidate.offer_id, candidate.code)
                references[key], values[key] = candidate.ref, value
    return {references[key]: balance for key, balance in get_balances(values=values, at=at).items()}


def restrict_to_balances(offered: Sequence[Candidate | Rejection], *, at: datetime) -> list[Candidate | Rejection]:
    """Return candidates with the balances of their codes, and a rejection for each code on which nothing is left."""
    balances = load_balances((one for one in offered if isinstance(one, Candidate)), at=at)
    return [_restrict(one, balances) for one in offered]


def _restrict(offered: Candidate | Rejection, balances: Mapping[str, CodeBalance]) -> Candidate | Rejection:
    balance = balances.get(offered.ref) if isinstance(offered, Candidate) else None
    if isinstance(offered, Rejection) or balance is None:
        return offered
    if balance.left:
        return replace(offered, balance=balance)
    reason = CodeAlreadyUsed(NOTHING_LEFT).as_dict()
    return Rejection(offered.code, reason, offered.kind, offered.offer_id, offered.brand_id)


def list_movements(*, offer: uuid.UUID, code: str) -> QuerySet[BalanceMovement]:
    """Return the movements of the balance of an offer's code, newest first."""
    return BalanceMovement.objects.filter(offer_id=offer, code=code).order_by("-pk")
