"""The first so many who sign in get a voucher: decided by one statement, whoever asks and however many at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core import batching, db
from core.errors import NotFound
from vouchers import rules, selectors
from vouchers.contracts import ClaimRequest, ClaimResult, Result


@dataclass(frozen=True, slots=True)
class _BatchItem:
    """An arrival at the campaign of a slug."""

    campaign: str
    arrival: ClaimRequest


def claim(*, campaign: str, customer_key: int, at: datetime) -> ClaimResult:
    """What the campaign of this slug has for a customer who signs in; many at once share a statement.

    Raises NotFound for a slug that there is not, and Unavailable when too many wait.
    """
    outcome = _executor.submit(_BatchItem(campaign, ClaimRequest(customer_key, at)), key=campaign)
    if outcome.result is Result.UNKNOWN:
        raise NotFound
    return outcome


def claim_many(*, campaign: str, arrivals: Sequence[ClaimRequest]) -> list[ClaimResult]:
    """What the campaign has for each of those who arrive, first come first served, in their order.

    First logins, counter, vouchers and the mails that tell of them are one statement: all of it stands once this
    returns, and nothing of it if anything dies before. Asking again answers the same voucher again.
    """
    rows = db.fetch_all(
        "vouchers/sql/claim_vouchers.sql",
        {
            "campaign": campaign,
            "customers": [arrival.customer_key for arrival in arrivals],
            "instants": [arrival.at for arrival in arrivals],
            "events": [arrival.event for arrival in arrivals],
            "ids": [arrival.voucher_id for arrival in arrivals],
        },
    )
    if not rows:
        return [ClaimResult(Result.UNKNOWN) for _ in arrivals]
    return _resolve_repeated(rows, arrivals)


def _resolve_repeated(rows: list[db.Row], arrivals: Sequence[ClaimRequest]) -> list[ClaimResult]:
    """The outcomes. Whose first login another statement wrote meanwhile has a voucher that is seen only now."""
    outcomes = [rules.to_claim_result(row) for row in rows]
    late = [n for n, row in enumerate(rows) if outcomes[n].result is Result.ALREADY_CLAIMED and not row["is_known"]]
    if late:
        keys = [arrivals[n].customer_key for n in late]
        had = selectors.vouchers_of_customers(
            campaign_id=rows[0]["campaign_id"], customer_keys=keys, at=arrivals[late[0]].at
        )
        for n in late:
            outcomes[n] = replace(outcomes[n], voucher=had.get(arrivals[n].customer_key))
    return outcomes


def _claim(asks: Sequence[_BatchItem]) -> list[ClaimResult]:
    return claim_many(campaign=asks[0].campaign, arrivals=[ask.arrival for ask in asks])


_executor = batching.BatchExecutor("vouchers.claim", _claim, is_idempotent=True)
